/** Operations as Hono routes. The gateway and every service use this one piece of code. */
import { Hono } from 'hono';
import { refusalOf } from '../observe/request-scope.ts';
import { ConcurrencyLimit } from '../observe/served-operation.ts';
import { Telemetry } from '../observe/telemetry.ts';
import { AppError } from '../operations/errors.ts';
import type { Operation } from '../operations/operation.ts';
import { TurnQueue } from '../process/turn-queue.ts';
import { type HandlerSettings, operationHandler, type Route } from './operation-handler.ts';
import { problem } from './reply.ts';
import type { Fetch, FetchEnvironment } from './request.ts';

export interface AppOptions extends HandlerSettings {
  routes: Route[];
  telemetry?: Telemetry;
  /** So many queries and as many commands are worked on at most: commands that wait for a slow broker hold up no queries. */
  maxInFlight?: number;
  /** Answers what is at no path of an operation. */
  elsewhere?: Fetch | undefined;
}

/**
 * An app with a route for each path of the operations that are for HTTP, and problem responses for everything else.
 * @example
 * const app = createApp({ routes: [{ operation: getMovie, run }], identity, timeoutMs: 5000, log });
 * const response = await app.request('/movies/1');
 */
export function createApp(options: AppOptions): Hono {
  const { routes, log, telemetry = new Telemetry('http'), maxInFlight = Number.POSITIVE_INFINITY } = options;
  const limits = { query: new ConcurrencyLimit(maxInFlight), command: new ConcurrencyLimit(maxInFlight) };
  const turns = new TurnQueue();
  const app = new Hono({ strict: false });
  for (const { path, route } of pathsOf(routes)) {
    const { operation } = route;
    app.on(
      operation.method,
      path,
      operationHandler(route, {
        ...options,
        requests: telemetry.http(operation, path),
        limit: limits[operation.kind],
        turns,
      }),
    );
  }
  addRefusals(app, telemetry, options.elsewhere);
  app.onError((error) => problem(refusalOf(error, log, 'http')));
  return app;
}

/** Each path with its route. Hono takes the first that fits: /movies/search has to come before /movies/:movieId. */
function pathsOf(routes: Route[]): { path: string; route: Route }[] {
  return routes
    .filter(({ operation }) => operation.http)
    .flatMap((route) => [route.operation.path, ...(route.operation.aliases ?? [])].map((path) => ({ path, route })))
    .sort((a, b) => a.path.split(':').length - b.path.split(':').length);
}

const allMethods: Operation['method'][] = ['GET', 'POST', 'PUT', 'DELETE'];

/** 404 where there is nothing; elsewhere 405, or for OPTIONS nothing, with the methods of the path. */
function addRefusals(app: Hono, telemetry: Telemetry, elsewhere: Fetch | undefined): void {
  const unrouted = telemetry.metrics.http('', '');
  app.notFound((c) => {
    const startedAt = performance.now();
    const ended = (response: Response): Response => {
      unrouted.ended(startedAt, response.status);
      return response;
    };
    // Asked only where no route takes the method, so that it costs the others nothing.
    const methods = allMethods.filter((method) => app.router.match(method, c.req.path)[0].length > 0);
    if (methods.length === 0 && elsewhere) return elsewhere(c.req.raw, (c.env ?? {}) as FetchEnvironment);
    if (methods.length === 0) return ended(problem(new AppError('not_found', `There is nothing at ${c.req.path}.`)));
    const allow = methods.join(', ');
    if (c.req.method === 'OPTIONS') return ended(new Response(null, { status: 204, headers: { allow } }));
    return ended(problem(new AppError('method_not_allowed', `${c.req.method} is not possible here.`), { allow }));
  });
}
