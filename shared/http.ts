/** Operations as HTTP routes. The gateway and every service use this one piece of code. */
import { type Context, Hono } from 'hono';
import { SmartRouter } from 'hono/router/smart-router';
import { TrieRouter } from 'hono/router/trie-router';
import type { Operation } from './contract.ts';
import { AppError, toAppError, toProblem } from './errors.ts';
import { Exchange } from './exchange.ts';
import { header, inputCollector } from './http-input.ts';
import type { Identity } from './identity.ts';
import { idsOf, type Logger } from './log.ts';
import type { Call, Encoded } from './operations.ts';
import { SegmentRouter } from './router.ts';
import { remoteAddress } from './runtime.ts';
import { Telemetry } from './telemetry.ts';
import type { GivenOrigin, Origin } from './trace.ts';

/** Runs an operation: in a service its own handler, in the gateway a request to the service. */
export type Dispatch = (input: Record<string, unknown>, call: Call, request: RequestInfo) => Encoded | Promise<Encoded>;

/** What a dispatch may pass on. */
export interface RequestInfo {
  readonly token: string | null;
  readonly user: string | null;
  /** Address of the client. */
  address(): string;
}

export interface Route {
  operation: Operation;
  dispatch: Dispatch;
}

interface HttpOptions {
  routes: Route[];
  identity: Identity;
  timeoutMs: number;
  log: Logger;
  telemetry?: Telemetry;
  /** Believe X-Forwarded-For. */
  trustProxy?: boolean;
}

const json = { 'content-type': 'application/json' };
const problemJson = { 'content-type': 'application/problem+json' };

/** A Hono app with the routes of all operations that are for HTTP, their aliases, and problem answers for the rest. */
export function createHttp({ telemetry = new Telemetry('http'), ...given }: HttpOptions): Hono {
  const options = { ...given, telemetry };
  const unrouted = telemetry.metrics.http('', '');
  const app = new Hono({
    strict: false,
    router: new SmartRouter({ routers: [new SegmentRouter(), new TrieRouter()] }),
  });
  const paths = options.routes
    .filter(({ operation }) => operation.http)
    .flatMap((route) => [route.operation.path, ...(route.operation.aliases ?? [])].map((path) => ({ path, route })))
    // The router takes the first that fits: /movies/search has to come before /movies/:movieId.
    .sort((a, b) => a.path.split(':').length - b.path.split(':').length);
  for (const { path, route } of paths) {
    app.on(route.operation.method, path, createHandler(route, path, options));
  }
  app.notFound((c) => {
    const startedAt = performance.now();
    // Looked up only here, so that it costs the known routes nothing.
    const allowed = app.routes.filter(({ path }) => pathMatches(path, c.req.path)).map(({ method }) => method);
    unrouted.ended(startedAt, allowed.length === 0 ? 404 : 405);
    if (allowed.length === 0) return problem(new AppError('not_found', `There is nothing at ${c.req.path}.`));
    const response = problem(new AppError('method_not_allowed', `${c.req.method} is not possible here.`));
    response.headers.set('Allow', [...new Set(allowed)].join(', '));
    return response;
  });
  app.onError((error) => problem(logged(error, options.log, 'http')));
  return app;
}

function pathMatches(pattern: string, path: string): boolean {
  const expected = pattern.split('/');
  const actual = path.replace(/\/$/, '').split('/');
  return (
    expected.length === actual.length && expected.every((part, index) => part.startsWith(':') || part === actual[index])
  );
}

function logged(error: unknown, log: Logger, operation: string, origin?: Origin): AppError {
  const refused = toAppError(error);
  if (refused.code === 'internal') {
    log.error({ err: error, operation, ...(origin ? idsOf(origin) : {}) }, 'a request failed');
  }
  return refused;
}

/** An error as an RFC 9457 answer, with the id under which the log knows the request. */
export function problem(error: AppError, requestId?: string): Response {
  return new Response(JSON.stringify(toProblem(error)), {
    status: error.status,
    headers: {
      'content-type': 'application/problem+json',
      ...(requestId === undefined ? {} : { 'x-request-id': requestId }),
      ...(error.retryAfter === undefined ? {} : { 'retry-after': String(error.retryAfter) }),
      ...(error.code === 'unauthenticated' ? { 'www-authenticate': 'Bearer' } : {}),
    },
  });
}

function createHandler({ operation, dispatch }: Route, path: string, options: HttpOptions & { telemetry: Telemetry }) {
  const collect = inputCollector(operation);
  const { identity, timeoutMs, log, trustProxy = false } = options;
  const requests = options.telemetry.http(operation, path);
  const access = log.isLevelEnabled('debug') ? accessLog(log, operation.subject) : undefined;

  const ended = (exchange: Exchange, response: Response): Response => {
    exchange.ended(response.status);
    access?.(exchange, response.status);
    return response;
  };
  const fail = (exchange: Exchange, error: unknown): Response =>
    ended(exchange, problem(logged(error, log, operation.subject, exchange), exchange.requestId));

  const run = (
    c: Context,
    input: Record<string, unknown>,
    { exchange, sent }: { exchange: Exchange; sent: Sent },
  ): Response | Promise<Response> => {
    const done = (encoded: Encoded): Response => ended(exchange, respond(operation, c, encoded, exchange));
    const go = (caller: Call['caller']): Response | Promise<Response> => {
      exchange.caller = caller;
      const result = dispatch(input, exchange, sent);
      if (result instanceof Promise) return result.then(done, (error) => fail(exchange, error));
      return done(result);
    };
    try {
      // One of them counts. On Deno each header that is looked up is a call out of JavaScript.
      const caller = identity.open ? identity.of(null, sent.user) : identity.of(sent.token, null);
      return caller instanceof Promise ? caller.then(go).catch((error) => fail(exchange, error)) : go(caller);
    } catch (error) {
      return fail(exchange, error);
    }
  };

  return (c: Context): Response | Promise<Response> => {
    const sent = new Sent(c, trustProxy);
    const exchange = new Exchange(requests, timeoutMs, sent);
    try {
      const input = collect(c);
      if (!(input instanceof Promise)) return run(c, input, { exchange, sent });
      return input.then(
        (collected) => run(c, collected, { exchange, sent }),
        (error) => fail(exchange, error),
      );
    } catch (error) {
      return fail(exchange, error);
    }
  };
}

function accessLog(log: Logger, operation: string) {
  return (exchange: Exchange, status: number): void => {
    const durationMs = Math.round((performance.now() - exchange.startedAt) * 1000) / 1000;
    log.debug({ operation, status, durationMs, ...idsOf(exchange) }, 'answered');
  };
}

/** What a request says beside its input, looked up when someone asks. */
class Sent implements RequestInfo, GivenOrigin {
  readonly #context: Context;
  readonly #trustProxy: boolean;

  constructor(context: Context, trustProxy: boolean) {
    this.#context = context;
    this.#trustProxy = trustProxy;
  }

  get token(): string | null {
    return bearer(header(this.#context, 'authorization'));
  }

  get user(): string | null {
    return header(this.#context, 'x-user-id') ?? null;
  }

  get traceparent(): string | undefined {
    return header(this.#context, 'traceparent');
  }

  get requestId(): string | undefined {
    return header(this.#context, 'x-request-id');
  }

  /** The last entry of X-Forwarded-For is the one that our own proxy wrote. */
  address(): string {
    const forwarded = this.#trustProxy ? header(this.#context, 'x-forwarded-for') : undefined;
    return forwarded?.split(',').at(-1)?.trim() || remoteAddress(this.#context.env);
  }
}

function bearer(header: string | undefined): string | null {
  return header?.startsWith('Bearer ') ? header.slice(7) : null;
}

function respond(operation: Operation, c: Context, encoded: Encoded, exchange: Exchange): Response {
  const status = encoded.status ?? operation.success;
  const requestId = exchange.givenRequestId;
  if (encoded.revision === undefined && encoded.location === undefined && requestId === undefined) {
    return new Response(encoded.body, { status, headers: status < 400 ? json : problemJson });
  }
  const headers: Record<string, string> = status < 400 ? { ...json } : { ...problemJson };
  if (requestId !== undefined) headers['x-request-id'] = requestId;
  if (encoded.location !== undefined) headers.location = encoded.location;
  if (encoded.revision !== undefined) {
    headers.etag = `"${encoded.revision}"`;
    const asksForNews = operation.method === 'GET' && isKnown(headers.etag, header(c, 'if-none-match'));
    if (asksForNews) return new Response(null, { status: 304, headers });
  }
  return new Response(encoded.body, { status, headers });
}

/** Whether If-None-Match names the revision: in a list, in weak form, or by `*`. */
function isKnown(etag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined || ifNoneMatch === etag) return ifNoneMatch === etag;
  return ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}
