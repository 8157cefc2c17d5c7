/** A service's operations as NATS endpoints: each on its own subject for people, all in batches for other services. */
import { Match, type NatsConnection } from '@nats-io/nats-core';
import { type Endpoint as MicroEndpoint, type ServiceMsg, Svcm } from '@nats-io/services';
import { Batcher } from '../broker/batcher.ts';
import { toHeaders } from '../broker/event-codec.ts';
import {
  concurrencyLimit,
  RequestScope,
  type ServedOperation,
  type ServedOptions,
  servedOperation,
} from '../observe/served-operation.ts';
import type { Telemetry } from '../observe/telemetry.ts';
import { bearerToken, namedUser } from '../operations/access.ts';
import type { Runnable } from '../operations/endpoint.ts';
import { AppError, messageOf } from '../operations/errors.ts';
import { addHeaders, type Fields, fieldsIn, inputIn, maxInputBytes } from '../operations/input.ts';
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
  const { nc, name, description, group, log } = options;
  // What is answered at once is never in flight, so queries go on while commands wait for a slow broker.
  const limits = { query: undefined, command: concurrencyLimit(options.maxInFlight) };
  const operations = new Map(
    options.endpoints.map((endpoint) => {
      const { kind, subject } = endpoint.operation;
      const requests = options.telemetry.rpc(endpoint.operation);
      return [subject, servedOperation(endpoint, { ...options, requests, limit: limits[kind] })];
    }),
  );
  const statsHandler = async (endpoint: MicroEndpoint): Promise<Told | null> => {
    const one = operations.get(endpoint.subject);
    if (one) report(one, endpoint);
    return endpoint.subject === batchSubject(name) ? (options.told?.() ?? null) : null;
  };
  const parts = { name, version, description, queue: name, statsHandler };
  const service = await new Svcm(answeringInboxes(nc, log)).add(parts);
  const replica = service.info().id;
  const queue = new TurnQueue();
  /** Requests that were not answered at once. */
  const inFlight = new Set<Promise<unknown>>();

  const listen = (endpoint: string, subject: string, summary: string, take: (message: ServiceMsg) => void): void => {
    const handler = (error: Error | null, message: ServiceMsg): void => {
      if (error) return;
      try {
        take(message);
      } catch (failure) {
        // Whoever sent it is no caller of ours. Thrown from here, it would end the connection's reader.
        log.debug({ subject, reason: messageOf(failure) }, 'a message is no request');
      }
    };
    service.addEndpoint(endpoint, { subject, metadata: { summary }, handler });
  };
  const listenToBatches = (endpoint: string, subject: string, whose: string): void =>
    listen(endpoint, subject, `Several requests in one message, ${whose}`, takeBatch);

  listenToBatches('batch-replica', replicaSubject(name, replica), 'of this replica and no other');
  if (group !== undefined) listenToBatches('batch-group', replicaSubject(name, group), 'of this group');
  await options.complete;
  for (const one of operations.values()) {
    const { subject, summary } = one.operation;
    listen(subject.replaceAll('.', '-'), subject, summary, (message) => takeOne(one, message));
  }
  listenToBatches('batch', batchSubject(name), 'of any replica');
  // Whoever hears that it is registered may ask over another connection at once.
  await nc.flush().catch(() => {});
  return {
    async [Symbol.asyncDispose]() {
      // A broker that hangs is not waited for.
      await within(service.stop(), unregisterMs);
      await queue.drained();
      await within(Promise.all(inFlight), stopGraceMs);
      // What was answered last goes out at the end of its turn: whoever closes the connection must be behind it.
      await new Promise((resolve) => setImmediate(resolve));
    },
  };

  /** `nats req movies.get '{"movieId":1}'`: one request as a person writes it. */
  function takeOne(served: ServedOperation, message: ServiceMsg): void {
    const arrivedAt = performance.now();
    const send = ({ body, position }: ReplyEntry, error?: AppError): void => {
      if (error) {
        // A header has one line, and what we quote of a request may have more.
        message.respondError(error.status, error.message.replace(/\s+/g, ' ').slice(0, maxHeaderLength), body);
      } else if (position === undefined) message.respond(body);
      else message.respond(body, { headers: toHeaders({ [positionHeader]: position }) });
    };
    const header = headersOf(message);
    const request = requestOf(message, header, served.operation, options.requestTimeoutMs);
    const caller = header('authorization') ?? header('x-user-id') ?? message;
    queue.add(caller, () => run(served, request, { arrivedAt, send }));
  }

  /** @throws Error for what is no batch of requests. */
  function takeBatch(message: ServiceMsg): void {
    const arrivedAt = performance.now();
    const replies = replyBatch(message, replica, log);
    const send = (entry: ReplyEntry): void => replies.add(entry);
    const take = (request: ReceivedRequest): void => {
      const { id, subject } = request;
      const served = operations.get(subject);
      if (served) run(served, request, { arrivedAt, send });
      else send(problemReply(id, new AppError('not_found', `There is no operation ${subject}.`)));
    };
    for (const request of decodeRequests(message.string())) {
      queue.add(request.token ?? request.user ?? request.from ?? message, () => take(request));
    }
    replies.flush();
  }

  /** Runs a request now; it is answered now or later. */
  function run(served: ServedOperation, request: ReceivedRequest, { arrivedAt, send }: Way): void {
    const { id, timeoutMs } = request;
    const timeLeftMs = Math.max(timeoutMs - marginMs, timeoutMs / 2) - (performance.now() - arrivedAt);
    const answered = served.serve(new RequestScope(served.requests, timeLeftMs, request), {
      input: () => request.input as Fields,
      respond({ body, status = served.operation.success, revision, location, position }) {
        if (sizeOf(body) > maxReplyBytes) {
          throw new AppError('too_large', 'The answer does not fit in a message: use a lower limit.');
        }
        const entry = { id, status, body, revision, location, position };
        send(entry);
        return entry;
      },
      refuse: (error) => {
        const entry = problemReply(id, error);
        try {
          send(entry, error);
        } catch (failure) {
          // Such as for a broker that takes smaller messages only. Thrown from a turn of the queue, it would end the process.
          log.error({ err: failure }, 'an answer cannot be sent');
        }
        return entry;
      },
    });
    if (!(answered instanceof Promise)) return;
    const sent: Promise<unknown> = answered.finally(() => inFlight.delete(sent));
    inFlight.add(sent);
  }
}

/** When a request came, by performance.now(), and the way back to its caller. */
interface Way {
  arrivedAt: number;
  send: (entry: ReplyEntry, error?: AppError) => void;
}

type Header = (name: string) => string | undefined;

/** Reads headers as over HTTP: their names in any case, and one that is there twice as both. */
function headersOf({ headers }: ServiceMsg): Header {
  return (name) => {
    const values = headers?.values(name, Match.IgnoreCase) ?? [];
    return values.length > 0 ? values.join(', ') : undefined;
  };
}

function requestOf(message: ServiceMsg, header: Header, operation: Operation, timeoutMs: number): ReceivedRequest {
  return {
    id: 0,
    subject: operation.subject,
    /** @throws AppError as inputIn, fieldsIn and addHeaders; too_large as over HTTP, where it is there. */
    get input(): unknown {
      if (operation.http && message.data.length > maxInputBytes) {
        throw new AppError('too_large', `The input may have ${maxInputBytes} bytes.`);
      }
      const fields = fieldsIn(operation, inputIn(message.data));
      addHeaders(operation, fields, header);
      return fields;
    },
    timeoutMs,
    /** @throws AppError unauthenticated for another scheme. */
    get token(): string | undefined {
      return bearerToken(header('authorization'));
    },
    /** @throws AppError invalid for what is not percent-encoded. */
    get user(): string | undefined {
      return namedUser(header('x-user-id'));
    },
    traceparent: header('traceparent'),
    requestId: header('x-request-id'),
    position: header(positionHeader),
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
      // Such as for a broker that takes smaller messages only. Thrown at the end of a turn, it would end the process.
      log.error({ err: error }, 'answers cannot be sent');
    }
  };
  return new Batcher({ run, maxBytes: maxReplyBytes, sizeOf: ({ body }) => sizeOf(body) });
}
