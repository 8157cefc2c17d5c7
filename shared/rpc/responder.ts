/** Serves operations as NATS endpoints: each on its own subject for use by hand, and all in batches for services. */
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
import { addHeaders, type Fields, inputFields, maxInputBytes, parseBody } from '../operations/input.ts';
import type { Operation, ServiceContract } from '../operations/operation.ts';
import { positionHeader } from '../operations/position.ts';
import type { Config } from '../process/config.ts';
import type { Logger } from '../process/log.ts';
import { TurnQueue } from '../process/turn-queue.ts';
import { version } from '../process/version.ts';
import { within } from '../process/within.ts';
import { type ReplicaState, report } from './statistics.ts';
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
  /** The group of this replica, when the replicas are divided into groups; callers can address it by name. */
  group?: string | undefined;
  /** Resolves when the replica can also serve requests that are not addressed to its group. */
  complete?: Promise<unknown> | undefined;
  /** Returns the state of this replica, which `nats micro stats` shows. */
  state?(): ReplicaState;
}

/** Timeouts of a stop: together shorter than what host.ts allows for it. */
const unregisterMs = 2000;
const stopGraceMs = 5000;
/** Time reserved for the reply, so that an operation that uses up its time still answers before the caller gives up. */
const marginMs = 100;
/** Limit for an error message in a header; the body has the full text. */
const maxHeaderLength = 500;

/**
 * Registers the service with the NATS services framework: `nats micro ls`, `info` and `stats` show it, and replicas
 * share the work through the queue group of the service's name.
 */
export async function startResponder(options: ResponderOptions): Promise<AsyncDisposable> {
  const { nc, name, description, group, log } = options;
  // Only commands are limited: queries are answered synchronously, and go on while commands wait for a slow broker.
  const limits = { query: undefined, command: concurrencyLimit(options.maxInFlight) };
  const operations = new Map(
    options.endpoints.map((endpoint) => {
      const { kind, subject } = endpoint.operation;
      const requests = options.telemetry.rpc(endpoint.operation);
      return [subject, servedOperation(endpoint, { ...options, requests, limit: limits[kind] })];
    }),
  );
  const statsHandler = async (endpoint: MicroEndpoint): Promise<ReplicaState | null> => {
    const served = operations.get(endpoint.subject);
    if (served) report(served, endpoint);
    return endpoint.subject === batchSubject(name) ? (options.state?.() ?? null) : null;
  };
  const parts = { name, version, description, queue: name, statsHandler };
  const service = await new Svcm(answeringInboxes(nc, log)).add(parts);
  const replica = service.info().id;
  const queue = new TurnQueue();
  /** Requests that are being answered asynchronously. */
  const inFlight = new Set<Promise<unknown>>();

  const listen = (endpoint: string, subject: string, summary: string, serve: (message: ServiceMsg) => void): void => {
    const handler = (error: Error | null, message: ServiceMsg): void => {
      if (error) return;
      try {
        serve(message);
      } catch (failure) {
        // The message was not sent by a ServiceCaller. A throw from here would end the connection's reader.
        log.debug({ subject, reason: messageOf(failure) }, 'a message was dropped: it is not a batch of requests');
      }
    };
    service.addEndpoint(endpoint, { subject, metadata: { summary }, handler });
  };
  const listenToBatches = (endpoint: string, subject: string, target: string): void =>
    listen(endpoint, subject, `Several requests in one message, for ${target}`, serveBatch);

  listenToBatches('batch-replica', replicaSubject(name, replica), 'this replica only');
  if (group !== undefined) listenToBatches('batch-group', replicaSubject(name, group), 'any replica of this group');
  await options.complete;
  for (const served of operations.values()) {
    const { subject, summary } = served.operation;
    listen(subject.replaceAll('.', '-'), subject, summary, (message) => serveSingle(served, message));
  }
  listenToBatches('batch', batchSubject(name), 'any replica');
  // The broker must have the subscriptions before this returns, as requests may then come over other connections.
  await nc.flush().catch(() => {});
  return {
    async [Symbol.asyncDispose]() {
      // The broker may hang.
      await within(service.stop(), unregisterMs);
      await queue.drained();
      await within(Promise.all(inFlight), stopGraceMs);
      // Reply batches are sent at the end of a turn of the event loop. The connection may be closed only after that.
      await new Promise((resolve) => setImmediate(resolve));
    },
  };

  /** Serves one request on the operation's own subject, such as `nats req movies.get '{"movieId":1}'`. */
  function serveSingle(served: ServedOperation, message: ServiceMsg): void {
    const arrivedAt = performance.now();
    const send = ({ body, position }: ReplyEntry, error?: AppError): void => {
      if (error) {
        // A header must be a single line, and the message may quote several lines of the request.
        message.respondError(error.status, error.message.replace(/\s+/g, ' ').slice(0, maxHeaderLength), body);
      } else if (position === undefined) message.respond(body);
      else message.respond(body, { headers: toHeaders({ [positionHeader]: position }) });
    };
    const header = headersOf(message);
    const request = requestOf(message, header, served.operation, options.requestTimeoutMs);
    const caller = header('authorization') ?? header('x-user-id') ?? message;
    queue.add(caller, () => run(served, request, { arrivedAt, send }));
  }

  /** @throws Error when the message is not a batch of requests */
  function serveBatch(message: ServiceMsg): void {
    const arrivedAt = performance.now();
    const replies = replyBatch(message, replica, log);
    const send = (entry: ReplyEntry): void => replies.add(entry);
    const serve = (request: ReceivedRequest): void => {
      const { id, subject } = request;
      const served = operations.get(subject);
      if (served) run(served, request, { arrivedAt, send });
      else send(problemReply(id, new AppError('not_found', `There is no operation ${subject}.`)));
    };
    for (const request of decodeRequests(message.string())) {
      queue.add(request.token ?? request.user ?? request.from ?? message, () => serve(request));
    }
    replies.flush();
  }

  /** Starts a request. Its reply is sent before this returns, or later. */
  function run(served: ServedOperation, request: ReceivedRequest, { arrivedAt, send }: ReplyPath): void {
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
          // For example, the broker's max_payload is smaller. A throw from the turn queue would end the process.
          log.error({ err: failure }, 'a reply could not be sent');
        }
        return entry;
      },
    });
    if (!(answered instanceof Promise)) return;
    const sent: Promise<unknown> = answered.finally(() => inFlight.delete(sent));
    inFlight.add(sent);
  }
}

/** When a request arrived, by performance.now(), and how its reply is sent. */
interface ReplyPath {
  arrivedAt: number;
  send: (entry: ReplyEntry, error?: AppError) => void;
}

type Header = (name: string) => string | undefined;

/** Reads headers as HTTP does: names are case-insensitive, and repeated headers are joined. */
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
    /** @throws AppError as parseBody, inputFields and addHeaders; too_large as over HTTP, if it has a route there */
    get input(): unknown {
      if (operation.http && message.data.length > maxInputBytes) {
        throw new AppError('too_large', `The input may have at most ${maxInputBytes} bytes.`);
      }
      const fields = inputFields(operation, parseBody(message.data));
      addHeaders(operation, fields, header);
      return fields;
    },
    timeoutMs,
    /** @throws AppError unauthenticated when the scheme is not Bearer */
    get token(): string | undefined {
      return bearerToken(header('authorization'));
    },
    /** @throws AppError invalid when the user is not percent-encoded */
    get user(): string | undefined {
      return namedUser(header('x-user-id'));
    },
    traceparent: header('traceparent'),
    requestId: header('x-request-id'),
    position: header(positionHeader),
  };
}

/**
 * Wraps the connection for the services framework so that only requests with an inbox as reply subject are answered.
 * Callers choose the reply subject: if it were a subject of a stream, the stream would store the reply as an event of
 * this service. Requests without a reply subject are dropped, too, because nobody waits for the reply.
 */
function answeringInboxes(nc: NatsConnection, log: Logger): NatsConnection {
  const subscribe: NatsConnection['subscribe'] = (subject, options = {}) => {
    const { callback } = options;
    if (!callback) return nc.subscribe(subject, options);
    return nc.subscribe(subject, {
      ...options,
      callback: (error, message) => {
        if (error || message.reply?.startsWith('_INBOX.')) callback(error, message);
        else log.debug({ subject, reply: message.reply }, 'a request was dropped: its reply subject is not an inbox');
      },
    });
  };
  return Object.create(nc, { subscribe: { value: subscribe } }) as NatsConnection;
}

/**
 * Creates the batcher for the replies to one message. Replies that are ready in the same turn of the event loop are
 * sent together. A full message is sent at once, so that the time to encode it counts as time of the request that
 * filled it.
 */
export function replyBatch(message: Pick<ServiceMsg, 'respond'>, replica: string, log: Logger): Batcher<ReplyEntry> {
  const run = (replies: ReplyEntry[]): void => {
    try {
      message.respond(encodeReplies(replies, replica));
    } catch (error) {
      // For example, the broker's max_payload is smaller. A throw at the end of a turn would end the process.
      log.error({ err: error }, 'replies could not be sent');
    }
  };
  // A position or a location may take several kilobytes.
  const bytesOf = ({ body, position = '', location = '' }: ReplyEntry): number =>
    sizeOf(body) + sizeOf(position) + sizeOf(location);
  return new Batcher({ run, maxBytes: maxReplyBytes, sizeOf: bytesOf });
}
