/** Operations as HTTP routes. The gateway and every service use this one piece of code. */
import { type Context, Hono } from 'hono';
import { SmartRouter } from 'hono/router/smart-router';
import { TrieRouter } from 'hono/router/trie-router';
import { RequestScope } from '../observe/request-scope.ts';
import { Telemetry } from '../observe/telemetry.ts';
import type { Credentials, Identity } from '../operations/access.ts';
import type { Call, JsonResponse } from '../operations/endpoint.ts';
import { AppError, toAppError } from '../operations/errors.ts';
import type { Operation } from '../operations/operation.ts';
import { idsOf, type Logger } from '../process/log.ts';
import type { GivenOrigin, Origin } from '../process/trace-context.ts';
import { ConcurrencyLimit } from './concurrency-limit.ts';
import { ContextRequest, type HttpRequest } from './http-request.ts';
import { inputCollector } from './input.ts';
import { type OperationHandler, PlainRoutes } from './plain-routes.ts';
import { problem, problemReply, replyOf } from './reply.ts';
import { SegmentRouter } from './router.ts';

/** Runs an operation: in a service its own handler, in the gateway a request to the service. */
export type Dispatch = (
  input: Record<string, unknown>,
  call: Call,
  request: RequestInfo,
) => JsonResponse | Promise<JsonResponse>;

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
  /** As many reads and as many writes are under way at most: writes that wait for a slow broker leave the reads their room. */
  maxInFlight?: number;
}

/** A Hono app that also tells what answers an operation, for those who can ask without it. */
export class HttpApp extends Hono {
  readonly operations = new PlainRoutes();

  constructor() {
    super({ strict: false, router: new SmartRouter({ routers: [new SegmentRouter(), new TrieRouter()] }) });
  }

  addOperation(method: string, path: string, handler: OperationHandler): void {
    this.on(method, path, (c: Context) => handler(new ContextRequest(c)));
    this.operations.add(method, path, handler);
  }
}

/** An app with the routes of all operations that are for HTTP, their aliases, and problem answers for the rest. */
export function createHttp({ telemetry = new Telemetry('http'), ...given }: HttpOptions): HttpApp {
  const most = given.maxInFlight ?? Number.POSITIVE_INFINITY;
  const rooms = { query: new ConcurrencyLimit(most), command: new ConcurrencyLimit(most) };
  const unrouted = telemetry.metrics.http('', '');
  const app = new HttpApp();
  const paths = given.routes
    .filter(({ operation }) => operation.http)
    .flatMap((route) => [route.operation.path, ...(route.operation.aliases ?? [])].map((path) => ({ path, route })))
    // The router takes the first that fits: /movies/search has to come before /movies/:movieId.
    .sort((a, b) => a.path.split(':').length - b.path.split(':').length);
  for (const { path, route } of paths) {
    app.addOperation(
      route.operation.method,
      path,
      createHandler(route, path, { ...given, telemetry, room: rooms[route.operation.kind] }),
    );
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
  app.onError((error) => problem(logged(error, given.log, 'http')));
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

function createHandler(
  { operation, dispatch }: Route,
  path: string,
  options: HttpOptions & { telemetry: Telemetry; room: ConcurrencyLimit },
): OperationHandler {
  const collect = inputCollector(operation);
  const { identity, timeoutMs, log, trustProxy = false, room } = options;
  const requests = options.telemetry.http(operation, path);
  const access = log.isLevelEnabled('debug') ? accessLog(log, operation.subject) : undefined;

  const ended = (exchange: RequestScope, status: number): void => {
    room.leave();
    exchange.ended(status);
    access?.(exchange, status);
  };
  const fail = <R>(request: HttpRequest<R>, exchange: RequestScope, error: unknown): R => {
    const refused = logged(error, log, operation.subject, exchange);
    const { status, headers, body } = problemReply(refused, exchange.requestId);
    const answered = request.answer(status, headers, body);
    ended(exchange, status);
    return answered;
  };

  const run = <R>(
    request: HttpRequest<R>,
    input: Record<string, unknown>,
    { exchange, sent }: { exchange: RequestScope; sent: Sent },
  ): R | Promise<R> => {
    const failed = (error: unknown): R => fail(request, exchange, error);
    const done = (encoded: JsonResponse): R => {
      try {
        const { status, headers, body } = replyOf(operation, request, encoded, exchange);
        const answered = request.answer(status, headers, body);
        ended(exchange, status);
        return answered;
      } catch (error) {
        return failed(error);
      }
    };
    const go = (caller: Call['caller']): R | Promise<R> => {
      exchange.caller = caller;
      const result = dispatch(input, exchange, sent);
      return result instanceof Promise ? result.then(done, failed) : done(result);
    };
    try {
      const caller = identity.of(sent);
      return caller instanceof Promise ? caller.then(go).catch(failed) : go(caller);
    } catch (error) {
      return failed(error);
    }
  };

  return <R>(request: HttpRequest<R>): R | Promise<R> => {
    const sent = new Sent(request, trustProxy);
    const exchange = new RequestScope(requests, timeoutMs, sent);
    const full = room.full;
    room.enter();
    try {
      if (full) throw new AppError('unavailable', 'Too many requests at once.');
      const input = collect(request);
      if (!(input instanceof Promise)) return run(request, input, { exchange, sent });
      return input.then(
        (collected) => run(request, collected, { exchange, sent }),
        (error) => fail(request, exchange, error),
      );
    } catch (error) {
      return fail(request, exchange, error);
    }
  };
}

function accessLog(log: Logger, operation: string) {
  return (exchange: RequestScope, status: number): void => {
    const durationMs = Math.round((performance.now() - exchange.startedAt) * 1000) / 1000;
    log.debug({ operation, status, durationMs, ...idsOf(exchange) }, 'answered');
  };
}

/** What a request says beside its input, looked up when someone asks. */
class Sent implements RequestInfo, Credentials, GivenOrigin {
  readonly #request: HttpRequest<unknown>;
  readonly #trustProxy: boolean;

  constructor(request: HttpRequest<unknown>, trustProxy: boolean) {
    this.#request = request;
    this.#trustProxy = trustProxy;
  }

  get token(): string | null {
    return bearer(this.#request.header('authorization'));
  }

  get user(): string | null {
    return this.#request.header('x-user-id') ?? null;
  }

  get traceparent(): string | undefined {
    return this.#request.header('traceparent');
  }

  get requestId(): string | undefined {
    return this.#request.header('x-request-id');
  }

  /** The last entry of X-Forwarded-For is the one that our own proxy wrote. */
  address(): string {
    const forwarded = this.#trustProxy ? this.#request.header('x-forwarded-for') : undefined;
    return forwarded?.split(',').at(-1)?.trim() || this.#request.address();
  }
}

function bearer(header: string | undefined): string | null {
  return header?.startsWith('Bearer ') ? header.slice(7) : null;
}
