/** A service's operations as NATS endpoints: each on its own subject for people, all packed for other services. */
import type { NatsConnection } from '@nats-io/nats-core';
import { type ServiceMsg, Svcm } from '@nats-io/services';
import { RequestScope } from '../observe/request-scope.ts';
import type { Requests, Telemetry } from '../observe/telemetry.ts';
import type { Identity } from '../operations/access.ts';
import type { Call, Endpoint, JsonResponse } from '../operations/endpoint.ts';
import { AppError, messageOf, toAppError, toProblem } from '../operations/errors.ts';
import { idsOf, type Logger } from '../process/log.ts';
import type { Origin } from '../process/trace-context.ts';
import { batchSubject, replicaSubject } from './caller.ts';
import { maxReplyBytes, ReplyBatch, sizeOf } from './reply-batch.ts';
import { decodeRequests, type ReplyEntry, type RequestEntry } from './wire-format.ts';

interface ResponderOptions {
  nc: NatsConnection;
  name: string;
  version: string;
  description: string;
  endpoints: Endpoint[];
  identity: Identity;
  log: Logger;
  defaultTimeoutMs: number;
  /** Most commands being worked on at once; more are refused, so that none waits for long and memory stays bounded. */
  maxInFlight: number;
  telemetry: Telemetry;
}

/** An endpoint and what its requests are counted by. */
interface Served {
  endpoint: Endpoint;
  requests: Requests;
  /** Requests that came in packs, for `nats micro stats`. */
  packed: number;
}

/** Requests that are being worked on, to be waited for at the end. */
class InFlight {
  #count = 0;
  #empty = Promise.withResolvers<void>();

  get count(): number {
    return this.#count;
  }

  start(): void {
    this.#count++;
  }

  end(): void {
    if (--this.#count === 0) this.#empty.resolve();
  }

  /** Resolves when there are none, or after `graceMs`. */
  async ended(graceMs: number): Promise<void> {
    if (this.#count === 0) return;
    this.#empty = Promise.withResolvers();
    const timer = setTimeout(() => this.#empty.resolve(), graceMs);
    await this.#empty.promise;
    clearTimeout(timer);
  }
}

/** Together less than the time that a stop has (host.ts). */
const unregisterMs = 2000;
const stopGraceMs = 5000;
/** What is left for the way back to the caller, where an operation takes all of its time: its answer says more than silence. */
const marginMs = 100;

/**
 * Registers the service with the NATS services framework: `nats micro ls`, `info` and `stats` show it, and replicas
 * share the work through the queue group of the service's name.
 */
export async function startResponder(options: ResponderOptions): Promise<AsyncDisposable> {
  const { nc, name, version, description, endpoints } = options;
  const served = new Map(
    endpoints.map((endpoint): [string, Served] => [
      endpoint.operation.subject,
      { endpoint, requests: options.telemetry.rpc(endpoint.operation), packed: 0 },
    ]),
  );
  const inFlight = new InFlight();
  const service = await new Svcm(nc).add({
    name,
    version,
    description,
    queue: name,
    statsHandler: (endpoint) => Promise.resolve(endpoint.subject === batchSubject(name) ? countsOf(served) : null),
  });
  for (const one of served.values()) {
    const { subject, summary } = one.endpoint.operation;
    service.addEndpoint(subject.replaceAll('.', '-'), {
      subject,
      metadata: { summary },
      handler: (error, message) => {
        if (error) return;
        if (inFlight.count >= options.maxInFlight) {
          const full = tooMany();
          refuse(message, full);
          return;
        }
        inFlight.start();
        void answerOne(options, one, message)
          .catch((error) => options.log.error({ err: error, operation: subject }, 'an answer cannot be sent'))
          .finally(() => inFlight.end());
      },
    });
  }
  const replica = service.info().id;
  const pack = (endpoint: string, subject: string, summary: string): void => {
    service.addEndpoint(endpoint, {
      subject,
      metadata: { summary },
      handler: (error, message) => {
        if (error) return;
        try {
          answerPack(options, served, inFlight, new ReplyBatch(message, replica));
        } catch (failure) {
          // Whoever sent it is no caller of ours. Thrown from here, it would end the connection's reader.
          options.log.debug({ reason: messageOf(failure) }, 'a message is no pack of requests');
        }
      },
    });
  };
  pack('pack', batchSubject(name), 'Several operations in one message, from other services');
  pack('pack-replica', replicaSubject(name, replica), 'The same, of this replica and no other');
  // Whoever hears that it is registered may ask over another connection at once.
  await nc.flush().catch(() => {});
  return {
    async [Symbol.asyncDispose]() {
      // A broker that hangs is not waited for.
      await Promise.race([service.stop(), new Promise((resolve) => setTimeout(resolve, unregisterMs).unref())]);
      await inFlight.ended(stopGraceMs);
      // What was answered last goes out at the end of its turn (Outbox): whoever closes the connection must be behind it.
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

/** Of what a refusal says in its header; its body says all of it. */
const maxHeaderLength = 500;

/** How long an operation may take for a caller who waits for so long. */
function timeOf(timeoutMs: number): number {
  return Math.max(timeoutMs - marginMs, timeoutMs / 2);
}

function tooMany(): AppError {
  return new AppError('unavailable', 'Too many requests at once.');
}

/** `nats req movies.get '{"movieId":1}'`: one request as a person writes it. */
async function answerOne(options: ResponderOptions, served: Served, message: ServiceMsg): Promise<void> {
  // Nobody waits for an answer: a message on this subject by `nats pub` is not a request.
  if (!message.reply) return;
  const { endpoint, requests } = served;
  const sent = (name: string): string | undefined => message.headers?.get(name);
  const exchange = new RequestScope(requests, timeOf(options.defaultTimeoutMs), {
    traceparent: sent('traceparent'),
    requestId: sent('X-Request-Id'),
  });
  try {
    const input: unknown = message.data.length === 0 ? {} : parse(message.string());
    const token = sent('Authorization')?.replace(/^Bearer /i, '') || null;
    exchange.caller = await options.identity.of({ token, user: sent('X-User-Id') || null });
    const { body, status } = await endpoint.run(input, exchange);
    if (sizeOf(body) > maxReplyBytes)
      throw new AppError('too_large', 'The answer does not fit in a message: use a lower limit.');
    message.respond(body);
    exchange.ended(status ?? endpoint.operation.success);
  } catch (error) {
    const refused = refusal(options, endpoint, error, exchange);
    exchange.ended(refused.status);
    refuse(message, refused);
  }
}

/** A header has one line, and what we quote of a request may have more. */
function refuse(message: ServiceMsg, error: AppError): void {
  const line = error.message.replace(/\s+/g, ' ').slice(0, maxHeaderLength);
  message.respondError(error.status, line, JSON.stringify(toProblem(error)));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError('invalid', `The request is not JSON: ${messageOf(error)}`);
  }
}

function refusal({ log }: ResponderOptions, endpoint: Endpoint, error: unknown, origin: Origin): AppError {
  const refused = toAppError(error);
  if (refused.code === 'internal') {
    log.error({ err: error, operation: endpoint.operation.subject, ...idsOf(origin) }, 'an operation failed');
  }
  return refused;
}

/** Requests by subject that came in packs, where any did. */
function countsOf(served: Map<string, Served>): Record<string, number> {
  return Object.fromEntries(
    [...served].filter(([, { packed }]) => packed > 0).map(([name, { packed }]) => [name, packed]),
  );
}

function answerPack(
  options: ResponderOptions,
  served: Map<string, Served>,
  inFlight: InFlight,
  outbox: ReplyBatch,
): void {
  const frames = decodeRequests(outbox.asked);
  // A caller wants to know whether this replica is there.
  if (frames.length === 0) outbox.sendNothing();
  for (const frame of frames) {
    const one = served.get(frame.subject);
    if (!one) {
      outbox.add(problemFrame(frame, new AppError('not_found', `There is no operation ${frame.subject}.`)));
      continue;
    }
    // What is answered at once is never in flight, so queries go on while commands wait for a slow broker.
    if (inFlight.count >= options.maxInFlight && one.endpoint.operation.kind === 'command') {
      outbox.add(problemFrame(frame, tooMany()));
      continue;
    }
    one.packed++;
    answerFrame(options, one, frame, { inFlight, outbox });
  }
  outbox.flush();
}

/** Answers one request of a pack: at once, or later; until then it is in flight. */
function answerFrame(
  options: ResponderOptions,
  { endpoint, requests }: Served,
  frame: RequestEntry,
  { inFlight, outbox }: { inFlight: InFlight; outbox: ReplyBatch },
): void {
  const exchange = new RequestScope(requests, timeOf(frame.timeoutMs), frame);
  const reply = (answer: ReplyEntry): void => {
    exchange.ended(answer.status);
    outbox.add(answer);
  };
  const failed = (error: unknown): void => reply(problemFrame(frame, refusal(options, endpoint, error, exchange)));
  const done = (encoded: JsonResponse): void => reply(replyFrame(frame, endpoint, encoded));
  try {
    const run = (caller: Call['caller']): JsonResponse | Promise<JsonResponse> => {
      exchange.caller = caller;
      return endpoint.run(frame.input, exchange);
    };
    const caller = options.identity.of(frame);
    const result = caller instanceof Promise ? caller.then(run) : run(caller);
    if (!(result instanceof Promise)) {
      done(result);
      return;
    }
    inFlight.start();
    result.then(
      (encoded) => {
        inFlight.end();
        done(encoded);
      },
      (error) => {
        inFlight.end();
        failed(error);
      },
    );
  } catch (error) {
    failed(error);
  }
}

function replyFrame(frame: RequestEntry, endpoint: Endpoint, encoded: JsonResponse): ReplyEntry {
  const { body, status, revision, location } = encoded;
  return {
    id: frame.id,
    status: status ?? endpoint.operation.success,
    body,
    revision: revision ?? null,
    location: location ?? null,
  };
}

function problemFrame(frame: RequestEntry, error: AppError): ReplyEntry {
  return { id: frame.id, status: error.status, body: JSON.stringify(toProblem(error)), revision: null, location: null };
}
