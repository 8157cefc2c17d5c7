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
 * Wraps an app. Refuses URLs that are too long, unknown hosts while access is open, and changes by pages of other
 * sites, and adds CORS headers. A separate app adds them, and only to requests with an Origin: in front of every route
 * they would halve the speed of plain API calls.
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
    // If no other site may read, reads need no CORS headers, nor a look-up of Origin, which on Deno is a native call.
    if (isRead && corsOrigins.length === 0) return app.fetch(request, environment);
    const origin = headerOf(request, environment, 'origin');
    const changes = !isRead && method !== 'OPTIONS';
    if (changes && !pages.mayChange(origin, headerOf(request, environment, 'sec-fetch-site'), url)) {
      const site = origin ?? 'other sites';
      return refuse(
        new AppError('forbidden', `Pages of ${site} may not make changes: CORS_ORIGINS lists those that may.`),
      );
    }
    return (origin === undefined ? app : browser).fetch(request, environment);
  };
}

/** Checks the host of URLs, against DNS rebinding: another site could let its own name point at this machine. */
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
    return new AppError('forbidden', `Access is open: the host ${name} is not allowed unless ALLOWED_HOSTS lists it.`);
  };
}

function pageRules(origins: string[]) {
  const isListed = (origin: string): boolean => origins.includes('*') || origins.includes(origin);
  const mayRead = (origin: string, url: string): boolean => isListed(origin) || origin === URL.parse(url)?.origin;
  /** Whether a page may change something. CORS alone stops no request that needs no preflight. */
  const mayChange = (origin: string | undefined, site: string | undefined, url: string): boolean => {
    // Sent by browsers only. Checked first, because behind a TLS proxy the schemes of the origin and the URL differ.
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
