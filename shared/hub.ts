/**
 * Operations that only the hub carries out. An edge forwards each as one message over the link, on a subject that its
 * permissions at the hub allow, and the hub's service then calls the operation on the caller's behalf.
 */
import { errors, type NatsConnection, nuid } from '@nats-io/nats-core';
import type { HostParts } from './host.ts';
import { type Handler, JsonResponse } from './operations/endpoint.ts';
import { AppError, isServiceFailure, messageOf, toAppError } from './operations/errors.ts';
import type { Operation } from './operations/operation.ts';
import { decodePosition } from './operations/position.ts';
import { hub } from './process/sites.ts';
import { type AskOptions, answerIn, onBehalfOf } from './rpc/caller.ts';
import { problemReply, type ReplyEntry } from './rpc/wire-format.ts';
import type { View } from './views/view.ts';

/** Subject of an edge's requests to the hub. The catalogue is the only thing that is written at the hub alone. */
const requestsFrom = (edge: string): string => `to.${hub}.${edge}.catalogue`;
const repliesTo = (edge: string): string => `to.${edge}.reply`;

/** Part of the caller's time that is reserved for the way back. */
const marginMs = 200;
const retryAfter = 5;

type ForwardedRequest = Omit<AskOptions, 'call'> & { subject: string; input: unknown };

type Parts = Pick<HostParts, 'config' | 'connection' | 'caller' | 'log'>;

/** Returns an edge's handler of a hub operation: it forwards the request, and waits until the view shows the change. */
export function forwardToHub(
  { subject }: Operation,
  { config, connection }: Parts,
  view: View<unknown>,
): Handler<Operation> {
  return async (input, call) => {
    const timeoutMs = call.deadline - Date.now() - marginMs;
    const request: ForwardedRequest = { subject, input, ...onBehalfOf(call), timeoutMs };
    const { body, ...answer } = await askHub(connection.link.nc, config.site, request);
    const written = answer.position === undefined ? [] : decodePosition(answer.position);
    const shown = written
      .filter(({ stream }) => view.position(stream))
      .map(({ stream, sequence }) => view.waitFor(stream, sequence, call.deadline - Date.now()));
    return new JsonResponse(body, { ...answer, visible: view.canAnswer && (await Promise.all(shown)).every(Boolean) });
  };
}

/** @throws AppError the hub's refusal, or unavailable; with an unknown outcome if the hub may have got the request */
async function askHub(nc: NatsConnection, edge: string, request: ForwardedRequest): Promise<JsonResponse> {
  const reply = `${repliesTo(edge)}.${nuid.next()}`;
  const options = { timeout: Math.max(1, request.timeoutMs), noMux: true, reply };
  const answer = await nc.request(requestsFrom(edge), JSON.stringify(request), options).catch((error: unknown) => {
    const timedOut = error instanceof errors.TimeoutError;
    const detail = timedOut
      ? 'Only the hub can change the catalogue, and it did not answer in time.'
      : 'Only the hub can change the catalogue, and it cannot be reached from this site at the moment.';
    throw new AppError('unavailable', detail, { retryAfter, outcome: timedOut ? 'unknown' : undefined, cause: error });
  });
  return answerIn(answer.json<ReplyEntry>());
}

/** Serves the requests of edges at the hub. Caller and access are checked here as for any other request. */
export function serveEdges(
  operations: Operation[],
  service: string,
  nc: NatsConnection,
  { caller, log }: Pick<Parts, 'caller' | 'log'>,
): AsyncDisposable {
  const run = async (text: string): Promise<JsonResponse> => {
    const { subject, input, ...options } = JSON.parse(text) as ForwardedRequest;
    const operation = operations.find((one) => one.subject === subject);
    if (!operation) throw new AppError('not_found', `${subject} is not an operation that edges may forward.`);
    return caller.send(operation, input, options);
  };
  const subscription = nc.subscribe(requestsFrom('*'), {
    queue: service,
    callback: (error, message) => {
      const edge = message.subject.split('.')[2] as string;
      // The edge chooses the reply subject: it must not be able to make the hub publish an event.
      if (error || !message.reply?.startsWith(`${repliesTo(edge)}.`)) return;
      run(message.string())
        .catch((failure: unknown) => {
          const refused = toAppError(failure);
          if (isServiceFailure(refused)) log.warn({ edge, reason: messageOf(failure) }, 'an edge request failed');
          return problemReply(0, refused);
        })
        .then((reply) => message.respond(JSON.stringify(reply)))
        .catch((error: unknown) => log.error({ err: error }, 'a reply could not be sent'));
    },
  });
  return { [Symbol.asyncDispose]: () => subscription.drain() };
}
