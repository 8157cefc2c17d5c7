/** Operations of other services, passed on over NATS: bodies go through as they are. */
import { requireAccess } from '../../shared/operations/access.ts';
import { parseInput, type Runnable } from '../../shared/operations/endpoint.ts';
import type { Operation } from '../../shared/operations/operation.ts';
import type { Send } from './breakers.ts';

/** What is left for the way back to the client when a service takes all of its time. */
const marginMs = 100;

/** Runs an operation of another service there. */
export function forwardTo(operation: Operation, send: Send): Runnable['run'] {
  return (given, call) => {
    // The service checks again. Here it keeps those who may not from costing the service anything, and what is in a body
    // beside the input from being kept and sent. A query is small and goes on as it is.
    const checked = operation.kind === 'command' || operation.access !== 'public';
    const input = checked ? parseInput(operation, given) : given;
    requireAccess(operation, input, call.caller);
    return send(operation, input, { call, timeoutMs: call.deadline - Date.now() - marginMs });
  };
}
