/** What stands before every route: limits, and rules for browsers that cost other clients nothing. */
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { Telemetry } from '../observe/telemetry.ts';
import { AppError } from '../operations/errors.ts';
import type { Config } from '../process/config.ts';
import { problem } from './reply.ts';
import { type Fetch, headerOf } from './server.ts';

const maxUrlLength = 8192;
const isRead = (method: string): boolean => method === 'GET' || method === 'HEAD';

/**
 * Wraps an app: URLs of bounded length, and for requests with an Origin the CORS headers, or a refusal of changes from a
 * page of another site. CORS is an app of its own, because in front of every route it would cost plain API calls half
 * of their speed.
 */
export function guard(
  app: Hono,
  { corsOrigins }: Pick<Config, 'corsOrigins'>,
  { metrics }: Telemetry = new Telemetry('http'),
): Fetch {
  const browser = browserApp(app, corsOrigins);
  const refused = metrics.http('', '');
  const refuse = (error: AppError): Response => {
    refused.ended(performance.now(), error.status);
    return problem(error);
  };
  return (request, environment) => {
    if (request.url.length > maxUrlLength) return refuse(new AppError('invalid', 'The URL is too long.'));
    // Where no other site may read anything, a page of ours needs no permission to: it is not looked for.
    const anyone = corsOrigins.length === 0 && isRead(request.method);
    if (!anyone && headerOf(request, environment, 'origin') !== undefined) return browser.fetch(request, environment);
    return app.fetch(request, environment);
  };
}

/** The same app for pages: CORS for the configured origins, and no changes from any other. */
function browserApp(app: Hono, origins: string[]): Hono {
  const allowed = (origin: string, url: string): boolean =>
    origins.includes('*') || origins.includes(origin) || origin === new URL(url).origin;
  const wrapped = new Hono();
  wrapped.use(
    cors({
      origin: (origin, c) => (allowed(origin, c.req.url) ? origin : null),
      allowMethods: ['GET', 'POST', 'PUT', 'DELETE'],
      allowHeaders: [
        'Authorization',
        'Content-Type',
        'If-Match',
        'If-None-Match',
        'Idempotency-Key',
        'Last-Event-ID',
        'X-Request-Id',
        'X-User-Id',
        'traceparent',
      ],
      exposeHeaders: ['ETag', 'Location', 'Retry-After', 'X-Request-Id'],
      maxAge: 600,
    }),
  );
  wrapped.all('*', (c) => {
    const origin = c.req.header('origin') ?? '';
    // A page of another site could otherwise send what needs no preflight, in open mode as anyone.
    if (!isRead(c.req.method) && !allowed(origin, c.req.url)) {
      return problem(new AppError('forbidden', `Pages of ${origin} may not change anything here.`));
    }
    return app.fetch(c.req.raw, c.env);
  });
  return wrapped;
}
