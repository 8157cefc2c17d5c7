/** What stands before every route: limits, and rules for browsers that cost other clients nothing. */
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import type { Config } from './config.ts';
import { AppError } from './errors.ts';
import { problem } from './http.ts';
import { type Fetch, headerOf } from './runtime.ts';
import { Telemetry } from './telemetry.ts';

const maxUrlLength = 8192;

/**
 * Wraps an app: at most `config.maxInFlight` reads and as many writes at once (503 instead of collapse; writes that wait
 * for a slow broker leave the reads their room), URLs of bounded length, and
 * for requests with an Origin the CORS answer, or a refusal of changes from a page of another site.
 */
export function protect(
  app: Hono,
  config: Pick<Config, 'corsOrigins' | 'maxInFlight'>,
  { metrics }: Telemetry = new Telemetry('http'),
): Fetch {
  const browser = browserApp(app, config.corsOrigins);
  const reads = new Room(config.maxInFlight);
  const writes = new Room(config.maxInFlight);
  const refused = metrics.http('', '');
  const refuse = (error: AppError): Response => {
    refused.ended(performance.now(), error.status);
    return problem(error);
  };
  return (request, environment) => {
    if (request.url.length > maxUrlLength) return refuse(new AppError('invalid', 'The URL is too long.'));
    const room = request.method === 'GET' || request.method === 'HEAD' ? reads : writes;
    if (room.full) return refuse(new AppError('unavailable', 'Too many requests at once.'));
    const target = headerOf(request, environment, 'origin') === undefined ? app : browser;
    const response = target.fetch(request, environment);
    if (!(response instanceof Promise)) return response;
    room.hold(response);
    return response;
  };
}

/** Counts what is under way. */
class Room {
  readonly #most: number;
  #taken = 0;
  readonly #leave = (): void => {
    this.#taken--;
  };

  constructor(most: number) {
    this.#most = most;
  }

  get full(): boolean {
    return this.#taken >= this.#most;
  }

  hold(work: Promise<unknown>): void {
    this.#taken++;
    work.then(this.#leave, this.#leave);
  }
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
    const reads = c.req.method === 'GET' || c.req.method === 'HEAD';
    // A page of another site could otherwise send what needs no preflight, in open mode as anyone.
    if (!reads && !allowed(origin, c.req.url)) {
      return problem(new AppError('forbidden', `Pages of ${origin} may not change anything here.`));
    }
    return app.fetch(c.req.raw, c.env);
  });
  return wrapped;
}
