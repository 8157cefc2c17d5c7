/** A service's operations as NATS endpoints: each on its own subject for people, all in batches for other services. */
import type { NatsConnection } from '@nats-io/nats-core';
import { type Endpoint as MicroEndpoint, type Service, type ServiceMsg, Svcm } from '@nats-io/services';
import { Batcher } from '../broker/batcher.ts';
import { toHeaders } from '../broker/event-codec.ts';
import { ConcurrencyLimit, RequestScope, ServedOperation, type ServedOptions } from '../observe/served-operation.ts';
import type { Telemetry } from '../observe/telemetry.ts';
import { bearerToken, namedUser } from '../operations/access.ts';
import type { Runnable } from '../operations/endpoint.ts';
import { AppError, messageOf, requireKnown } from '../operations/errors.ts';
import { inputIn, maxInputBytes, translated } from '../operations/input.ts';
import type { Operation, ServiceContract } from '../operations/operation.ts';
import { positionHeader } from '../operations/position.ts';
import type { Config } from '../process/config.ts';
import type { Logger } from '../process/log.ts';
import { TurnQueue } from '../process/turn-queue.ts';
import { version } from '../process/version.ts';
import { within } from '../process/within.ts';
import { report, type Told } from './statistics.ts';
import {
  batchSubject,
  decodeRequests,
  encodeReplies,
  maxReplyBytes,
  problemReply,
  type ReceivedRequest,
  type ReplyEntry,
  replicaSubject,
  requireFitting,
  sizeOf,
} from './wire-format.ts';

export interface ResponderOptions
  extends Pick<ServedOptions, 'identity' | 'log'>,
    Pick<Config, 'requestTimeoutMs' | 'maxInFlight'>,
    Pick<ServiceContract, 'name' | 'description'> {
  telemetry: Telemetry;
  nc: NatsConnection;
  endpoints: Runnable[];
  /** Where the replicas are not all alike: the group of this one, which is asked by its name, too. */
  group?: string | undefined;
  /** Resolves when it can take what is not for its group. */
  complete?: Promise<unknown> | undefined;
  /** How this replica is: `nats micro stats` shows it. */
  told?(): Told;
}

/** Together less than the time that a stop has (host.ts). */
const unregisterMs = 2000;
const stopGraceMs = 5000;
/** What is left for the way back to the caller, where an operation takes all of its time: its answer says more than silence. */
const marginMs = 100;
/** Of what a refusal says in its header; its body says all of it. */
const maxHeaderLength = 500;

/**
 * Registers the service with the NATS services framework: `nats micro ls`, `info` and `stats` show it, and replicas
 * share the work through the queue group of the service's name.
 */
export async function startResponder(options: ResponderOptions): Promise<AsyncDisposable> {
  const { nc, name, description } = options;
  // What is answered at once is never in flight, so queries go on while commands wait for a slow broker.
  const limits = { query: undefined, command: new ConcurrencyLimit(options.maxInFlight) };
  const served = new Map(
    options.endpoints.map((endpoint) => {
      const { kind, subject } = endpoint.operation;
      const requests = options.telemetry.rpc(endpoint.operation);
      const parts = { ...options, requests, limit: limits[kind] };
      return [subject, new ServedOperation(endpoint, parts)];
    }),
  );
  const statsHandler = async (endpoint: MicroEndpoint): Promise<Told | null> => {
    const one = served.get(endpoint.subject);
    if (one) report(one, endpoint);
    return endpoint.subject === batchSubject(name) ? (options.told?.() ?? null) : null;
  };
  const service = await new Svcm(answeringInboxes(nc, options.log)).add({
    name,
    version,
    description,
    queue: name,
    statsHandler,
  });
  const responder = new Responder(options, service, served);
  await options.complete;
  responder.takeAll();
  // Whoever hears that it is registered may ask over another connection at once.
  await nc.flush().catch(() => {});
  return responder;
}

class Responder implements AsyncDisposable {
  readonly #options: ResponderOptions;
  readonly #service: Service;
  readonly #served: Map<string, ServedOperation>;
  readonly #replica: string;
  readonly #queue = new TurnQueue();
  /** Requests that were not answered at once. */
  readonly #inFlight = new Set<Promise<unknown>>();

  constructor(options: ResponderOptions, service: Service, served: Map<string, ServedOperation>) {
    this.#options = options;
    this.#service = service;
    this.#served = served;
    this.#replica = service.info().id;
    const { name, group } = options;
    this.#listenToBatches('batch-replica', replicaSubject(name, this.#replica), 'of this replica and no other');
    if (group !== undefined) this.#listenToBatches('batch-group', replicaSubject(name, group), 'of this group');
  }

  /** From now on it gets what any replica is asked. */
  takeAll(): void {
    for (const one of this.#served.values()) {
      const { subject, summary } = one.operation;
      this.#listen(subject.replaceAll('.', '-'), subject, summary, (message) => this.#takeOne(one, message));
    }
    this.#listenToBatches('batch', batchSubject(this.#options.name), 'of any replica');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A broker that hangs is not waited for.
    await within(this.#service.stop(), unregisterMs);
    await this.#queue.drained();
    await within(Promise.all(this.#inFlight), stopGraceMs);
    // What was answered last goes out at the end of its turn: whoever closes the connection must be behind it.
    await new Promise((resolve) => setImmediate(resolve));
  }

  #listenToBatches(name: string, subject: string, whose: string): void {
    this.#listen(name, subject, `Several requests in one message, ${whose}`, (message) => this.#takeBatch(message));
  }

  #listen(name: string, subject: string, summary: string, take: (message: ServiceMsg) => void): void {
    const { log } = this.#options;
    this.#service.addEndpoint(name, {
      subject,
      metadata: { summary },
      handler: (error, message) => {
        if (error) return;
        try {
          take(message);
        } catch (failure) {
          // Whoever sent it is no caller of ours. Thrown from here, it would end the connection's reader.
          log.debug({ subject, reason: messageOf(failure) }, 'a message is no request');
        }
      },
    });
  }

  /** `nats req movies.get '{"movieId":1}'`: one request as a person writes it. */
  #takeOne(served: ServedOperation, message: ServiceMsg): void {
    const arrivedAt = performance.now();
    const send = ({ body, position }: ReplyEntry, error?: AppError): void => {
      if (error) {
        // A header has one line, and what we quote of a request may have more.
        message.respondError(error.status, error.message.replace(/\s+/g, ' ').slice(0, maxHeaderLength), body);
      } else if (position === undefined) message.respond(body);
      else message.respond(body, { headers: toHeaders({ [positionHeader]: position }) });
    };
    const request = requestOf(message, served.operation, this.#options.requestTimeoutMs);
    const caller = message.headers?.get('Authorization') || message.headers?.get('X-User-Id') || message;
    this.#queue.add(caller, () => this.#run(served, request, { arrivedAt, send }));
  }

  /** @throws Error for what is no batch of requests. */
  #takeBatch(message: ServiceMsg): void {
    const arrivedAt = performance.now();
    const replies = replyBatch(message, this.#replica, this.#options.log);
    const send = (entry: ReplyEntry): void => replies.add(entry);
    const take = (request: ReceivedRequest): void => {
      const { id, subject } = request;
      const served = this.#served.get(subject);
      if (served) this.#run(served, request, { arrivedAt, send });
      else send(problemReply(id, new AppError('not_found', `There is no operation ${subject}.`)));
    };
    for (const request of decodeRequests(message.string())) {
      this.#queue.add(request.token ?? request.user ?? request.from ?? message, () => take(request));
    }
    replies.flush();
  }

  /** Runs a request now; it is answered now or later. */
  #run(served: ServedOperation, request: ReceivedRequest, { arrivedAt, send }: Way): void {
    const { id, timeoutMs } = request;
    const timeLeftMs = Math.max(timeoutMs - marginMs, timeoutMs / 2) - (performance.now() - arrivedAt);
    const reply = (entry: ReplyEntry, error?: AppError): ReplyEntry => {
      send(entry, error);
      return entry;
    };
    const answered = served.serve(new RequestScope(served.requests, timeLeftMs, request), {
      input: () => request.input as Record<string, unknown>,
      respond({ body, status = served.operation.success, revision, location, position }) {
        requireFitting(body);
        return reply({ id, status, body, revision, location, position });
      },
      refuse: (error) => reply(problemReply(id, error), error),
    });
    if (!(answered instanceof Promise)) return;
    const sent: Promise<unknown> = answered
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'an answer cannot be sent'))
      .finally(() => this.#inFlight.delete(sent));
    this.#inFlight.add(sent);
  }
}

/** When a request came, by performance.now(), and the way back to its caller. */
interface Way {
  arrivedAt: number;
  send: (entry: ReplyEntry, error?: AppError) => void;
}

function requestOf(message: ServiceMsg, operation: Operation, timeoutMs: number): ReceivedRequest {
  const sent = (name: string): string | undefined => message.headers?.get(name);
  return {
    id: 0,
    subject: operation.subject,
    /** @throws AppError as inputIn; invalid for fields that are not the operation's; too_large as over HTTP, where it is there. */
    get input(): unknown {
      if (operation.http && message.data.length > maxInputBytes) {
        throw new AppError('too_large', `The input may have ${maxInputBytes} bytes.`);
      }
      const fields = translated(operation, inputIn(message.data));
      requireKnown(fields, Object.keys(operation.input.shape), 'is no field of this operation');
      return fields;
    },
    timeoutMs,
    /** @throws AppError unauthenticated for another scheme. */
    get token(): string | undefined {
      return bearerToken(sent('Authorization'));
    },
    /** @throws AppError invalid for what is not percent-encoded. */
    get user(): string | undefined {
      return namedUser(sent('X-User-Id'));
    },
    traceparent: sent('traceparent'),
    requestId: sent('X-Request-Id'),
    position: sent(positionHeader) || undefined,
  };
}

/**
 * The connection as the services framework gets it: it answers inboxes only, as whoever asks chooses where the answer goes.
 * Requests with another reply subject are dropped: a stream would store the answer, as if this service had published it. So
 * are those without any: nobody waits for the answer.
 */
function answeringInboxes(nc: NatsConnection, log: Logger): NatsConnection {
  const subscribe: NatsConnection['subscribe'] = (subject, options = {}) => {
    const { callback } = options;
    if (!callback) return nc.subscribe(subject, options);
    return nc.subscribe(subject, {
      ...options,
      callback: (error, message) => {
        if (error || message.reply?.startsWith('_INBOX.')) callback(error, message);
        else log.debug({ subject, reply: message.reply }, 'a request is dropped: its reply subject is no inbox');
      },
    });
  };
  return Object.create(nc, { subscribe: { value: subscribe } }) as NatsConnection;
}

/**
 * The replies to the requests of one message. What is ready in one turn of the event loop goes out together; a message that
 * is full goes out at once, so that encoding it counts as work of the job that filled it.
 */
export function replyBatch(message: Pick<ServiceMsg, 'respond'>, replica: string, log: Logger): Batcher<ReplyEntry> {
  const run = (replies: ReplyEntry[]): void => {
    try {
      message.respond(encodeReplies(replies, replica));
    } catch (error) {
      // Such as for a connection that was closed. Thrown at the end of a turn, it would end the process.
      log.error({ err: error }, 'answers cannot be sent');
    }
  };
  return new Batcher({ run, maxBytes: maxReplyBytes, sizeOf: ({ body }) => sizeOf(body) });
}
