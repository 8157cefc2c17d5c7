/** Operations of other services, passed on over NATS: bodies go through as they are. */

import type { Dispatch } from '../../shared/http/app.ts';
import type { RequestHeaders } from '../../shared/http/request-headers.ts';
import { requireAccess } from '../../shared/operations/access.ts';
import { type Call, JsonResponse, parseInput } from '../../shared/operations/endpoint.ts';
import { AppError, fromProblem, type Problem } from '../../shared/operations/errors.ts';
import type { Operation } from '../../shared/operations/operation.ts';
import type { AskOptions, ServiceCaller } from '../../shared/rpc/caller.ts';
import type { ReplyEntry } from '../../shared/rpc/wire-format.ts';
import type { Breakers } from './breakers.ts';

interface ForwardParts {
  caller: ServiceCaller;
  breakers: Breakers;
}

/** What is left for the way back to the client when a service takes all of its time. */
const marginMs = 100;

/** The dispatch of an operation of another service. */
export function forwardTo(operation: Operation, { caller, breakers }: ForwardParts): Dispatch {
  const service = operation.subject.slice(0, operation.subject.indexOf('.'));
  return (given, call, request) => {
    // The service checks again. Here it keeps those who may not from costing the service anything, and what is in a body
    // beside the input from being kept and sent. A query is small and goes on as it is.
    const checked = operation.kind === 'command' || operation.access !== 'public';
    const input = checked ? parseInput(operation, given) : given;
    requireAccess(operation, input, call.caller);
    const ask = (): Promise<ReplyEntry> =>
      caller.send(operation, input, {
        timeoutMs: call.deadline - Date.now() - marginMs,
        ...passedOn(call, request),
      });
    return breakers.run(service, ask, encodedOf);
  };
}

/** What a service hears of a request beside its input: who calls, and what the request belongs to. */
export function passedOn(
  { caller, traceparent, givenRequestId, position }: Call,
  request: RequestHeaders,
): Omit<AskOptions, 'timeoutMs'> {
  const who = caller.open ? { user: caller.userId } : { token: request.token };
  return { ...who, traceparent, requestId: givenRequestId, position };
}

/** @throws AppError what the service refused with. */
function encodedOf(reply: ReplyEntry): JsonResponse {
  if (reply.status >= 400) throw fromProblem(JSON.parse(reply.body) as Problem);
  return new JsonResponse(reply.body, reply);
}

/** Whether an error says that a service could not be asked, as against what it answered. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof AppError && (error.code === 'unavailable' || error.code === 'internal');
}
