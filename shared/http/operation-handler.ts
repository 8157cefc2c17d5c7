/** The handler of an operation's route: who calls, input, the operation itself, and what is sent. */
import type { Context } from 'hono';
import { RequestScope, refusalOf } from '../observe/request-scope.ts';
import type { Requests } from '../observe/telemetry.ts';
import { type Caller, type Identity, requireCaller } from '../operations/access.ts';
import { type Call, inputIn, type JsonResponse } from '../operations/endpoint.ts';
import { AppError } from '../operations/errors.ts';
import type { Operation } from '../operations/operation.ts';
import { idsOf, type Logger } from '../process/log.ts';
import type { TurnQueue } from '../process/turn-queue.ts';
import type { ConcurrencyLimit } from './concurrency-limit.ts';
import { problem, responseOf } from './reply.ts';
import { inputCollector, RequestHeaders, readBody } from './request.ts';

/** Runs an operation: in a service its own handler, in the gateway a request to the service. */
export type Dispatch = (input: Record<string, unknown>, call: Call) => JsonResponse | Promise<JsonResponse>;

export interface Route {
  operation: Operation;
  /** Lets a caller in or throws, before a body is read. */
  admit?: ((caller: Caller, address: string) => Promise<void>) | undefined;
  run: Dispatch;
}

/** What the handlers of all operations are told. */
export interface HandlerSettings {
  identity: Identity;
  /** How long a request may take, in milliseconds. */
  timeoutMs: number;
  log: Logger;
  /** Whether each request is logged at `info`, not only at `debug`. */
  accessLog?: boolean;
  /** Believe X-Forwarded-For. */
  trustProxy?: boolean;
}

interface HandlerOptions extends HandlerSettings {
  requests: Requests;
  limit: ConcurrencyLimit;
  /** For lists. */
  turns: TurnQueue;
}

type Handler = (c: Context) => Response | Promise<Response>;

/** A request on its way. */
interface Exchange {
  readonly c: Context;
  readonly headers: RequestHeaders;
  readonly scope: RequestScope;
  /** Whether it holds a place in the limit. */
  acquired: boolean;
}

/** The handler of a route. It responds synchronously where caller, input and operation are known at once. */
export function operationHandler(route: Route, options: HandlerOptions): Handler {
  const { operation, admit } = route;
  const { identity, timeoutMs, log, trustProxy = false, requests, limit, turns } = options;
  const collect = inputCollector(operation);
  const isList = 'limit' in operation.input.shape;
  const hasBody = operation.method === 'POST' || operation.method === 'PUT';
  const level = options.accessLog ? 'info' : 'debug';
  const access = log.isLevelEnabled(level) ? accessLog(log[level].bind(log), operation.subject) : undefined;

  const ended = ({ scope, acquired }: Exchange, status: number): void => {
    if (acquired) limit.release();
    scope.ended(status);
    access?.(scope, status);
  };
  const failed = (exchange: Exchange, error: unknown): Response => {
    const { scope } = exchange;
    const refused = refusalOf(error, log, operation.subject, scope);
    ended(exchange, refused.status);
    return problem(refused, { 'x-request-id': scope.requestId });
  };
  const done = (exchange: Exchange, result: JsonResponse): Response => {
    const { headers, scope } = exchange;
    let response: Response;
    try {
      response = responseOf(operation, headers, result, scope.givenRequestId);
    } catch (error) {
      return failed(exchange, error);
    }
    ended(exchange, response.status);
    return response;
  };
  const run = (exchange: Exchange, caller: Caller, body: unknown) => {
    const { c, headers, scope } = exchange;
    const input = collect(c, headers, body);
    scope.caller = caller;
    // Only now: whoever sends slowly, is unknown or over their rate takes no place from others.
    limit.acquire();
    exchange.acquired = true;
    return route.run(input, scope);
  };
  const respondLater = async (exchange: Exchange, caller: Caller | Promise<Caller>): Promise<Response> => {
    try {
      // Also for one who is known at once: only behind a wait has Node read the body that came with the head.
      const known = await caller;
      requireCaller(operation, known);
      if (admit) await admit(known, exchange.headers.address());
      const body = hasBody ? inputIn(await readBody(exchange.c)) : {};
      return done(exchange, await run(exchange, known, body));
    } catch (error) {
      return failed(exchange, error);
    }
  };

  const start = (exchange: Exchange): Response | Promise<Response> => {
    try {
      if (isList && Date.now() > exchange.scope.deadline) {
        throw new AppError('unavailable', 'Too many requests at once: its time is up.');
      }
      const caller = identity.of(exchange.headers);
      if (hasBody || admit || caller instanceof Promise) return respondLater(exchange, caller);
      requireCaller(operation, caller);
      const result = run(exchange, caller, {});
      if (!(result instanceof Promise)) return done(exchange, result);
      return result.then(
        (later) => done(exchange, later),
        (error: unknown) => failed(exchange, error),
      );
    } catch (error) {
      return failed(exchange, error);
    }
  };

  return (c) => {
    const headers = new RequestHeaders(c, trustProxy);
    const exchange = { c, headers, scope: new RequestScope(requests, timeoutMs, headers), acquired: false };
    if (!isList) return start(exchange);
    // Without turns, what comes at the same time as many lists would wait for all of them. A list may wait until it is late.
    const caller = `${headers.get('authorization') ?? headers.get('x-user-id')} ${headers.address()}`;
    return new Promise((resolve) => turns.add(caller, () => resolve(start(exchange))));
  };
}

function accessLog(log: Logger['info'], operation: string) {
  return (scope: RequestScope, status: number): void => {
    const durationMs = Math.round((performance.now() - scope.startedAt) * 1000) / 1000;
    log({ operation, status, durationMs, ...idsOf(scope) }, 'answered');
  };
}
