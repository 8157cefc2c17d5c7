/** Checks in front of every route: a URL limit, and protection of browsers that costs other clients nothing. */
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { Telemetry } from '../observe/telemetry.ts';
import { AppError } from '../operations/errors.ts';
import type { Config } from '../process/config.ts';
import { problem } from './reply.ts';
import { type Fetch, headerOf } from './request.ts';

const maxUrlLength = 8192;
/** Host names that always refer to this machine. */
const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];
/** Paths without user data, which probes and scrapers request under any host name. */
const operatorPaths = new Set(['/healthz', '/readyz', '/metrics']);

interface GuardOptions extends Pick<Config, 'corsOrigins' | 'allowedHosts'> {
  /** Whether access is open, so that no caller needs a token. */
  open: boolean;
  telemetry?: Telemetry;
}

/**
 * Wraps an app with these checks:
 * - URLs have a maximum length.
 * - While access is open, the Host must be a known name, against DNS rebinding: another site could point its own name here.
 * - Pages of other sites may not change anything (CSRF).
 * - CORS headers are added to requests with an Origin, in an app of their own: in front of every route they would halve the
 *   speed of plain API calls.
 */
export function guard(
  app: Hono,
  { corsOrigins, allowedHosts, open, telemetry = new Telemetry('http') }: GuardOptions,
): Fetch {
  const pages = pageRules(corsOrigins);
  const browser = withCors(app, pages);
  const refusalOf = hostRule(allowedHosts, open);
  const unrouted = telemetry.metrics.http('', '');
  const refuse = (error: AppError): Response => {
    unrouted.ended(performance.now(), error.status);
    return problem(error);
  };
  return (request, environment) => {
    const { url, method } = request;
    if (url.length > maxUrlLength) {
      return refuse(new AppError('invalid', `The URL is too long: at most ${maxUrlLength} characters are allowed.`));
    }
    const hostRefusal = refusalOf(url);
    if (hostRefusal) return refuse(hostRefusal);
    const isRead = method === 'GET' || method === 'HEAD';
    // Reads need no CORS headers if no other site may read. The Origin is not even looked up: on Deno each header access
    // is a native call.
    if (isRead && corsOrigins.length === 0) return app.fetch(request, environment);
    const origin = headerOf(request, environment, 'origin');
    const changes = !isRead && method !== 'OPTIONS';
    if (changes && !pages.mayChange(origin, headerOf(request, environment, 'sec-fetch-site'), url)) {
      const detail = `Pages of ${origin ?? 'another site'} may not change anything here: CORS_ORIGINS does not list it.`;
      return refuse(new AppError('forbidden', detail));
    }
    return (origin === undefined ? app : browser).fetch(request, environment);
  };
}

/** Returns a function that returns why a URL's host is refused; undefined if it is allowed. */
function hostRule(allowedHosts: string[], open: boolean): (url: string) => AppError | undefined {
  // IPv6 addresses in brackets, as in URLs.
  const names = allowedHosts.map((name) => (/^[^[].*:/.test(name) ? `[${name}]` : name).toLowerCase());
  const allowed = open && !names.includes('*') ? new Set([...loopbackNames, ...names]) : undefined;
  return (url) => {
    const end = url.indexOf('/', 8);
    const address = url.slice(url.indexOf('//') + 2, end);
    const name = /^([\w.-]+|\[[\da-f:.]+\])(:\d+)?$/i.exec(address)?.[1];
    if (name === undefined) return new AppError('invalid', 'The Host header is not valid.');
    if (!allowed || allowed.has(name.toLowerCase()) || operatorPaths.has(url.slice(end))) return undefined;
    return new AppError('forbidden', `The host ${name} is not allowed while access is open: add it to ALLOWED_HOSTS.`);
  };
}

function pageRules(origins: string[]) {
  const isListed = (origin: string): boolean => origins.includes('*') || origins.includes(origin);
  const mayRead = (origin: string, url: string): boolean => isListed(origin) || origin === URL.parse(url)?.origin;
  /** Whether a page may change something. Some requests need no preflight, so that CORS alone would not stop other sites. */
  const mayChange = (origin: string | undefined, site: string | undefined, url: string): boolean => {
    // Only browsers send Sec-Fetch-Site. It comes first because behind a proxy that terminates TLS the origin's scheme
    // differs from that of the URL.
    if (site === 'same-origin') return true;
    if (site === 'cross-site' || site === 'same-site') return origin !== undefined && isListed(origin);
    return origin === undefined || mayRead(origin, url);
  };
  return { mayRead, mayChange };
}

function withCors(app: Hono, { mayRead }: ReturnType<typeof pageRules>): Hono {
  const wrapped = new Hono();
  wrapped.use(
    cors({
      origin: (origin, c) => (mayRead(origin, c.req.url) ? origin : null),
      exposeHeaders: ['ETag', 'Location', 'Marquee-Position', 'Retry-After', 'X-Request-Id'],
      maxAge: 600,
    }),
  );
  wrapped.all('*', (c) => app.fetch(c.req.raw, c.env));
  return wrapped;
}
