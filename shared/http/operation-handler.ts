/** The handler of an operation's route: what is asked over HTTP, and what is sent. */
import type { Context } from 'hono';
import type { RequestScope } from '../observe/request-scope.ts';
import { type Runnable, ServedOperation, type ServedOptions } from '../observe/served-operation.ts';
import type { Caller, Identity } from '../operations/access.ts';
import { inputIn } from '../operations/endpoint.ts';
import { idsOf, type Logger } from '../process/log.ts';
import type { TurnQueue } from '../process/turn-queue.ts';
import { problem, responseOf } from './reply.ts';
import { inputCollector, RequestHeaders, readBody } from './request.ts';

export interface Route extends Runnable {
  /** Lets a caller in or throws, before a body is read. */
  admit?: ((caller: Caller, address: string) => Promise<void>) | undefined;
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

interface HandlerOptions extends HandlerSettings, Pick<ServedOptions, 'requests' | 'limit'> {
  /** For lists. */
  turns: TurnQueue;
}

type Handler = (c: Context) => Response | Promise<Response>;

/** The handler of a route. It responds synchronously where caller, input and operation are known at once. */
export function operationHandler(route: Route, options: HandlerOptions): Handler {
  const { operation, admit } = route;
  const { timeoutMs, log, trustProxy = false, turns } = options;
  const collect = inputCollector(operation);
  const isList = 'limit' in operation.input.shape;
  const hasBody = operation.method === 'POST' || operation.method === 'PUT';
  const level = options.accessLog ? 'info' : 'debug';
  const access = log.isLevelEnabled(level) ? accessLog(log[level].bind(log), operation.subject) : undefined;
  const served = new ServedOperation(route, { ...options, queued: isList, ended: access });

  const admitted = async (c: Context, headers: RequestHeaders, caller: Caller) => {
    // Only behind a wait has Node read the body that came with the head.
    await admit?.(caller, headers.address());
    return collect(c, headers, hasBody ? inputIn(await readBody(c)) : {});
  };
  const serve = (c: Context, headers: RequestHeaders, scope: RequestScope): Response | Promise<Response> =>
    served.serve<Response>(scope, headers, {
      input: (caller) => (hasBody || admit ? admitted(c, headers, caller) : collect(c, headers, {})),
      respond: (response) => responseOf(operation, headers, response, scope.givenRequestId),
      refuse: (error) => problem(error, { 'x-request-id': scope.requestId }),
    });

  return (c) => {
    const headers = new RequestHeaders(c, trustProxy);
    const scope = served.scope(timeoutMs, headers);
    if (!isList) return serve(c, headers, scope);
    // Without turns, what comes at the same time as many lists would wait for all of them. A list may wait until it is late.
    const caller = `${headers.get('authorization') ?? headers.get('x-user-id')} ${headers.address()}`;
    return new Promise((resolve) => turns.add(caller, () => resolve(serve(c, headers, scope))));
  };
}

function accessLog(log: Logger['info'], operation: string) {
  return (scope: RequestScope, status: number): void => {
    const durationMs = Math.round((performance.now() - scope.startedAt) * 1000) / 1000;
    log({ operation, status, durationMs, ...idsOf(scope) }, 'answered');
  };
}
