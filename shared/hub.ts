/**
 * What is written at the hub alone. An edge passes such operations on: as one message over the link, on a subject that its
 * rights there let through, and the hub's service asks itself on the caller's behalf.
 */
import { errors, type NatsConnection, nuid } from '@nats-io/nats-core';
import type { HostParts } from './host.ts';
import { type Handler, JsonResponse } from './operations/endpoint.ts';
import { AppError, isAway, messageOf, toAppError } from './operations/errors.ts';
import type { Operation } from './operations/operation.ts';
import { decodePosition } from './operations/position.ts';
import { hub } from './process/sites.ts';
import { type AskOptions, answerIn, onBehalfOf } from './rpc/caller.ts';
import { problemReply, type ReplyEntry } from './rpc/wire-format.ts';
import type { View } from './views/view.ts';

/** Subject on which an edge's requests come to the hub: there is one service that is written there, the catalogue. */
const requestsFrom = (edge: string): string => `to.${hub}.${edge}.catalogue`;
const repliesTo = (edge: string): string => `to.${edge}.reply`;

/** What is left for the way back. */
const marginMs = 200;
const retryAfter = 5;

type Passed = Omit<AskOptions, 'call'> & { subject: string; input: unknown };

type Parts = Pick<HostParts, 'config' | 'connection' | 'caller' | 'log'>;

/** At an edge: the handler that does an operation at the hub, and waits until this replica shows what came of it. */
export function handledAtHub(
  { subject }: Operation,
  { config, connection }: Parts,
  view: View<unknown>,
): Handler<Operation> {
  return async (input, call) => {
    const timeoutMs = call.deadline - Date.now() - marginMs;
    const passed: Passed = { subject, input, ...onBehalfOf(call), timeoutMs };
    const { body, ...answer } = await ask(connection.link.nc, config.site, passed);
    const written = answer.position === undefined ? [] : decodePosition(answer.position);
    const shown = written
      .filter(({ stream }) => view.position(stream))
      .map(({ stream, sequence }) => view.waitFor(stream, sequence, call.deadline - Date.now()));
    return new JsonResponse(body, { ...answer, visible: view.canAnswer && (await Promise.all(shown)).every(Boolean) });
  };
}

/** @throws AppError unavailable; with an unknown outcome where the request may have arrived */
async function ask(nc: NatsConnection, edge: string, passed: Passed): Promise<JsonResponse> {
  const reply = `${repliesTo(edge)}.${nuid.next()}`;
  const options = { timeout: Math.max(1, passed.timeoutMs), noMux: true, reply };
  const answer = await nc.request(requestsFrom(edge), JSON.stringify(passed), options).catch((error: unknown) => {
    const silent = error instanceof errors.TimeoutError;
    const detail = silent
      ? 'The catalogue is written at the hub, which did not answer in time.'
      : 'The catalogue is written at the hub, which cannot be reached from this site at the moment.';
    throw new AppError('unavailable', detail, { retryAfter, outcome: silent ? 'unknown' : undefined, cause: error });
  });
  return answerIn(answer.json<ReplyEntry>());
}

/** At the hub: does what edges ask for. Who calls, and what they may do, is checked here as of any request. */
export function serveEdges(
  operations: Operation[],
  service: string,
  nc: NatsConnection,
  { caller, log }: Pick<Parts, 'caller' | 'log'>,
): AsyncDisposable {
  const run = async (text: string): Promise<JsonResponse> => {
    const { subject, input, ...options } = JSON.parse(text) as Passed;
    const operation = operations.find((one) => one.subject === subject);
    if (!operation) throw new AppError('not_found', `No edge may ask for ${subject}.`);
    return caller.send(operation, input, options);
  };
  const subscription = nc.subscribe(requestsFrom('*'), {
    queue: service,
    callback: (error, message) => {
      const edge = message.subject.split('.')[2] as string;
      // Whoever asks chooses where the answer goes: it must not be an event.
      if (error || !message.reply?.startsWith(`${repliesTo(edge)}.`)) return;
      run(message.string())
        .catch((failure: unknown) => {
          const refused = toAppError(failure);
          if (isAway(refused)) log.warn({ edge, reason: messageOf(failure) }, 'what an edge asks for cannot be done');
          return problemReply(0, refused);
        })
        .then((reply) => message.respond(JSON.stringify(reply)))
        .catch((error: unknown) => log.error({ err: error }, 'an answer cannot be sent'));
    },
  });
  return { [Symbol.asyncDispose]: () => subscription.drain() };
}
