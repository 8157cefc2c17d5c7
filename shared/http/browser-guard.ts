/** What stands before every route: limits, and rules for browsers that cost other clients nothing. */
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { Telemetry } from '../observe/telemetry.ts';
import { AppError } from '../operations/errors.ts';
import type { Config } from '../process/config.ts';
import { problem } from './reply.ts';
import { type Fetch, headerOf } from './request.ts';

const maxUrlLength = 8192;
/** Names under which a browser reaches this machine and no other. */
const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];
/** Hold nothing of users, and are asked for by probes and scrapers under any name. */
const operatorPaths = new Set(['/healthz', '/readyz', '/metrics']);

interface GuardOptions extends Pick<Config, 'corsOrigins' | 'allowedHosts'> {
  /** Whether everyone may do everything. */
  open: boolean;
  telemetry?: Telemetry;
}

/**
 * Wraps an app: URLs of bounded length; while access is open only known names as Host, since a page of another site can let its
 * own name point at this machine (DNS rebinding); no changes from pages of other sites; and CORS. CORS is an app of its own,
 * for requests with an Origin: in front of every route it would cost plain API calls half of their speed.
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
      return refuse(new AppError('invalid', `The URL is too long: it may have ${maxUrlLength} characters.`));
    }
    const strange = refusalOf(url);
    if (strange) return refuse(strange);
    const isRead = method === 'GET' || method === 'HEAD';
    // Where no other site may read anything, a page of ours needs no permission to; on Deno each header is a call out of JavaScript.
    if (isRead && corsOrigins.length === 0) return app.fetch(request, environment);
    const origin = headerOf(request, environment, 'origin');
    const changes = !isRead && method !== 'OPTIONS';
    if (changes && !pages.mayChange(origin, headerOf(request, environment, 'sec-fetch-site'), url)) {
      return refuse(new AppError('forbidden', `Pages of ${origin ?? 'another site'} may not change anything here.`));
    }
    return (origin === undefined ? app : browser).fetch(request, environment);
  };
}

/** Says why a request is refused by the name that it was sent to, if it is. */
function hostRule(allowedHosts: string[], open: boolean): (url: string) => AppError | undefined {
  // As URLs have them: IPv6 in brackets.
  const names = allowedHosts.map((name) => (/^[^[].*:/.test(name) ? `[${name}]` : name).toLowerCase());
  const allowed = open && !names.includes('*') ? new Set([...loopbackNames, ...names]) : undefined;
  return (url) => {
    const end = url.indexOf('/', 8);
    const address = url.slice(url.indexOf('//') + 2, end);
    const name = /^([\w.-]+|\[[\da-f:.]+\])(:\d+)?$/i.exec(address)?.[1];
    if (name === undefined) return new AppError('invalid', 'The Host header is not valid.');
    if (!allowed || allowed.has(name.toLowerCase()) || operatorPaths.has(url.slice(end))) return undefined;
    return new AppError('forbidden', `Access is open to this machine only: ${name} is not among ALLOWED_HOSTS.`);
  };
}

function pageRules(origins: string[]) {
  const isListed = (origin: string): boolean => origins.includes('*') || origins.includes(origin);
  const mayRead = (origin: string, url: string): boolean => isListed(origin) || origin === URL.parse(url)?.origin;
  /** A page of another site could otherwise send what needs no preflight, in open mode as anyone. */
  const mayChange = (origin: string | undefined, site: string | undefined, url: string): boolean => {
    // Said by browsers alone. Behind a proxy that ends HTTPS the origin has another scheme than the URL here.
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
