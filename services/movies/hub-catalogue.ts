/**
 * The catalogue is written at the hub alone. An edge passes what changes it on: as one message over the link, on a subject that
 * its rights there let through, and the hub's movies service asks itself on the caller's behalf.
 */
import type { NatsConnection } from '@nats-io/nats-core';
import { errors, nuid } from '@nats-io/nats-core';
import { type Call, JsonResponse } from '../../shared/operations/endpoint.ts';
import { AppError, isAway, messageOf, toAppError } from '../../shared/operations/errors.ts';
import type { Operation } from '../../shared/operations/operation.ts';
import { decodePosition } from '../../shared/operations/position.ts';
import { awaitedStream, hub } from '../../shared/process/sites.ts';
import { type AskOptions, answerIn, onBehalfOf } from '../../shared/rpc/caller.ts';
import { problemReply, type ReplyEntry } from '../../shared/rpc/wire-format.ts';
import type { ServiceContext } from '../../shared/service.ts';
import { movieStated, movies } from './contract.ts';

/** Subject on which an edge's requests come to the hub. */
const requestsFrom = (edge: string): string => `to.${hub}.${edge}.catalogue`;
/** Where the hub's replies to an edge go. */
const repliesTo = (edge: string): string => `to.${edge}.reply`;

/** What is left for the way back. */
const marginMs = 200;
const retryAfter = 5;
const written: Operation[] = [movies.add, movies.replace, movies.remove, movies.import] as unknown as Operation[];

/** A request on its way to the hub. */
type Passed = AskOptions & { subject: string; input: unknown };

/** At an edge: does a command at the hub, and waits until this replica shows what came of it. */
export async function changeAtHub(
  operation: Operation,
  input: Record<string, unknown>,
  call: Call,
  { connection, view, config }: ServiceContext<unknown>,
): Promise<JsonResponse> {
  const timeoutMs = call.deadline - Date.now() - marginMs;
  const passed: Passed = { subject: operation.subject, input, ...onBehalfOf(call), timeoutMs };
  const { body, ...answer } = await ask(connection.link.nc, config.site, passed);
  const { position } = answer;
  const stream = awaitedStream(movieStated.stream, config);
  const places = position === undefined ? [] : decodePosition(position);
  const place = places.find((one) => one.stream === stream);
  const visible = place === undefined || (await view.waitFor(stream, place.sequence, call.deadline - Date.now()));
  return new JsonResponse(body, { ...answer, visible });
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
export function serveEdges({ connection, caller, log }: ServiceContext<unknown>): AsyncDisposable {
  const { nc } = connection.link;
  const subscription = nc.subscribe(requestsFrom('*'), {
    queue: 'movies',
    callback: (error, message) => {
      const edge = message.subject.split('.')[2] as string;
      // Whoever asks chooses where the answer goes: it must not be an event.
      if (error || !message.reply?.startsWith(`${repliesTo(edge)}.`)) return;
      const answer = (reply: JsonResponse | ReplyEntry): boolean => message.respond(JSON.stringify(reply));
      run(message.string()).then(answer, (failure: unknown) => {
        const refused = toAppError(failure);
        if (isAway(refused)) log.warn({ edge, reason: messageOf(failure) }, 'what an edge asks for cannot be done');
        answer(problemReply(0, refused));
      });
    },
  });
  const run = async (text: string): Promise<JsonResponse> => {
    const { subject, input, ...options } = JSON.parse(text) as Passed;
    const operation = written.find((one) => one.subject === subject);
    if (!operation) throw new AppError('not_found', `No edge may ask for ${subject}.`);
    return caller.send(operation, input, options);
  };
  return {
    async [Symbol.asyncDispose]() {
      await subscription.drain();
    },
  };
}
