/** Serves operations as Hono routes, at the gateway and at every service. */
import { type Context, Hono } from 'hono';
import {
  concurrencyLimit,
  RequestScope,
  refusalOf,
  type ServedOptions,
  servedOperation,
} from '../observe/served-operation.ts';
import { Telemetry } from '../observe/telemetry.ts';
import type { Caller } from '../operations/access.ts';
import type { Runnable } from '../operations/endpoint.ts';
import { AppError } from '../operations/errors.ts';
import type { Operation } from '../operations/operation.ts';
import type { Config } from '../process/config.ts';
import type { Logger } from '../process/log.ts';
import { TurnQueue } from '../process/turn-queue.ts';
import { problem, responseOf } from './reply.ts';
import { type Fetch, type FetchEnvironment, inputReader, RequestHeaders } from './request.ts';

export interface Route extends Runnable {
  /** Runs before the body is read, and throws to refuse the caller. */
  admit?: ((caller: Caller, address: string) => Promise<void>) | undefined;
}

export interface AppOptions
  extends Pick<ServedOptions, 'identity' | 'log'>,
    Pick<Config, 'requestTimeoutMs'>,
    Partial<Pick<Config, 'accessLog' | 'trustProxy' | 'maxInFlight'>> {
  routes: Route[];
  telemetry?: Telemetry;
  /** Handles requests whose path belongs to no operation. */
  fallback?: Fetch | undefined;
}

/**
 * Creates an app with a route for each path of the operations served over HTTP. Other requests get problem responses.
 * @example
 * const app = createApp({ routes: [{ operation: getMovie, run }], identity, requestTimeoutMs: 5000, log });
 * const response = await app.request('/movies/1');
 */
export function createApp(options: AppOptions): Hono {
  const { routes, log, telemetry = new Telemetry('http'), maxInFlight = Number.POSITIVE_INFINITY } = options;
  // Separate limits, so that commands that wait for a slow broker do not block queries.
  const limits = { query: concurrencyLimit(maxInFlight), command: concurrencyLimit(maxInFlight) };
  const turns = new TurnQueue();
  const app = new Hono({ strict: false });
  for (const { path, route } of pathsOf(routes)) {
    const { operation } = route;
    const parts = { requests: telemetry.http(operation, path), limit: limits[operation.kind], turns };
    app.on(operation.method, path, operationHandler(route, { ...options, ...parts }));
  }
  addNotFound(app, telemetry, options.fallback);
  app.onError((error) => problem(refusalOf(error, log, 'http')));
  return app;
}

/** Returns each path with its route, ordered for Hono's first match: /movies/search before /movies/:movieId. */
function pathsOf(routes: Route[]): { path: string; route: Route }[] {
  return routes
    .filter(({ operation }) => operation.http)
    .flatMap((route) => [route.operation.path, ...(route.operation.aliases ?? [])].map((path) => ({ path, route })))
    .sort((a, b) => a.path.split(':').length - b.path.split(':').length);
}

const allMethods: Operation['method'][] = ['GET', 'POST', 'PUT', 'DELETE'];

/** Answers unrouted requests: `Allow` for other methods of a known path, `fallback` or 404 for an unknown path. */
function addNotFound(app: Hono, telemetry: Telemetry, fallback: Fetch | undefined): void {
  const unrouted = telemetry.metrics.http('', '');
  app.notFound((c) => {
    const startedAt = performance.now();
    const ended = (response: Response): Response => {
      unrouted.ended(startedAt, response.status);
      return response;
    };
    // Computed only for unrouted requests, so that it costs others nothing.
    const methods = allMethods.filter((method) => app.router.match(method, c.req.path)[0].length > 0);
    if (methods.length === 0 && fallback) return fallback(c.req.raw, (c.env ?? {}) as FetchEnvironment);
    if (methods.length === 0) return ended(problem(new AppError('not_found', `No resource exists at ${c.req.path}.`)));
    const allow = methods.join(', ');
    if (c.req.method === 'OPTIONS') return ended(new Response(null, { status: 204, headers: { allow } }));
    return ended(problem(new AppError('method_not_allowed', `Use ${allow}, not ${c.req.method}.`), { allow }));
  });
}

function operationHandler(
  route: Route,
  options: AppOptions & Pick<ServedOptions, 'requests' | 'limit'> & { turns: TurnQueue },
): (c: Context) => Response | Promise<Response> {
  const { operation, admit } = route;
  const { requestTimeoutMs, log, trustProxy = false, turns } = options;
  const read = inputReader(operation);
  const isList = 'limit' in operation.input.shape;
  const level = options.accessLog ? 'info' : 'debug';
  const access = log.isLevelEnabled(level) ? accessLog(log[level].bind(log), operation.subject) : undefined;
  const served = servedOperation(route, { ...options, ended: access });

  const serve = (c: Context, headers: RequestHeaders, scope: RequestScope): Response | Promise<Response> =>
    served.serve<Response>(scope, {
      input: (caller) => (admit ? admit(caller, headers.from).then(() => read(c, headers)) : read(c, headers)),
      respond: (response) => responseOf(operation, headers, response, scope.givenRequestId),
      refuse: (error) => problem(error, { 'x-request-id': scope.requestId }),
    });

  return (c) => {
    const headers = new RequestHeaders(c, trustProxy);
    const scope = new RequestScope(served.requests, requestTimeoutMs, headers);
    if (!isList) return serve(c, headers, scope);
    // Lists take turns, so that other requests do not wait for all of them. A list past its deadline is refused.
    const caller = `${headers.get('authorization') ?? headers.get('x-user-id')} ${headers.from}`;
    return new Promise((resolve) => turns.add(caller, () => resolve(serve(c, headers, scope))));
  };
}

function accessLog(log: Logger['info'], operation: string) {
  return (scope: RequestScope, status: number): void => {
    const durationMs = Math.round((performance.now() - scope.startedAt) * 1000) / 1000;
    log({ operation, status, durationMs, ...scope.ids }, 'answered');
  };
}
