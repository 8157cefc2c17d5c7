/** Sends requests to one service: in batches, and once more to a second replica when the first one hangs. */
import { createInbox, type Msg } from '@nats-io/nats-core';
import { Batcher } from '../broker/batcher.ts';
import type { Connection } from '../broker/connection.ts';
import { AppError } from '../operations/errors.ts';
import { replicasOf } from './hedging.ts';
import {
  batchSubject,
  decodeReplies,
  encodeRequests,
  type ReplyEntry,
  type RequestEntry,
  replicaSubject,
} from './wire-format.ts';

export interface PendingRequest {
  /** The encoded request. */
  text: string;
  bytes: number;
  /** When the caller stops waiting, by performance.now(). */
  deadline: number;
  isCommand: boolean;
  /** Whether the request may still be sent to a second replica. */
  mayHedge: boolean;
  /** Number of messages in flight that contain the request. */
  inFlight: number;
  resolve: (reply: ReplyEntry) => void;
  reject: (error: AppError) => void;
}

/** Maximum number of unanswered batches to a service: with fewer, processes idle; more are no faster. */
const maxConcurrent = 4;
const maxBatchBytes = 400_000;
/** Limit for one request: below the broker's maximum payload (1 MiB), with room for headers. */
const maxRequestBytes = 1_040_000;

/** Encodes and measures a request. @throws AppError too_large; invalid when the input is nested too deeply */
export function encodedRequest(entry: RequestEntry): Pick<PendingRequest, 'text' | 'bytes'> {
  let text: string;
  try {
    text = JSON.stringify(entry);
  } catch (error) {
    // JSON.parse accepts deeper nesting.
    throw new AppError('invalid', 'The request is nested too deeply.', { cause: error });
  }
  const bytes = Buffer.byteLength(text);
  if (bytes > maxRequestBytes) throw new AppError('too_large', 'The request does not fit in one message.');
  return { text, bytes };
}

/** Requests share a message if their remaining times differ by at most this factor, as one timer serves them all. */
const maxDeadlineRatio = 1.05;

/** Groups requests with similar deadlines into messages, the earliest deadlines first. */
export function groupByDeadline(requests: PendingRequest[]): PendingRequest[][] {
  const now = performance.now();
  const messages: PendingRequest[][] = [];
  let latest = Number.NEGATIVE_INFINITY;
  for (const request of requests.toSorted((a, b) => a.deadline - b.deadline)) {
    if (request.deadline > latest) {
      messages.push([]);
      latest = now + (request.deadline - now) * maxDeadlineRatio;
    }
    messages.at(-1)?.push(request);
  }
  return messages;
}

/** The requests of one message that was sent to a service. */
interface InFlightBatch {
  /** By performance.now(), like `deadline`. */
  sentAt: number;
  deadline: number;
  /** The replica that the message was addressed to; undefined when any replica may answer. */
  replica: string | undefined;
  /** Requests without a reply so far, by their index in the batch. */
  open: Map<number, PendingRequest>;
  /** Frees the batch's place among the concurrent batches. */
  release(): void;
}

/** The service did not answer at all, as opposed to answering with `unavailable`. */
export class Unanswered extends AppError {
  /** Whether no replica of the service has answered anything since the request was sent. */
  readonly noReplicaResponded: boolean;

  constructor(detail: string, options: { noReplicaResponded: boolean; outcome?: 'unknown' | undefined }) {
    super('unavailable', detail, options);
    this.noReplicaResponded = options.noReplicaResponded;
  }
}

/** Milliseconds without a reply after which a replica may hang (most take a few), and interval of checks from then. */
const slowMs = 350;
const checkEveryMs = 50;
/** Delay before the retry of a request that no replica received, in milliseconds. */
const noRespondersRetryMs = 50;
/** A batch without a reply frees its place among the concurrent batches after this many milliseconds. */
const releaseAfterMs = 10;

export type ServiceClient = ReturnType<typeof serviceClient>;

/**
 * Creates a client that sends requests to a service.
 * @param group the group of replicas to ask, when the service's replicas are divided into groups
 * @throws AppError unavailable while there is no connection
 */
export function serviceClient(service: string, connection: Connection, group?: string) {
  /** Subject of requests that any replica (of the group) may answer. */
  const anyReplica = group === undefined ? batchSubject(service) : replicaSubject(service, group);
  const replicas = replicasOf(service, connection);
  const batcher = new Batcher<PendingRequest>({
    run: sendAll,
    maxConcurrent,
    maxBytes: maxBatchBytes,
    sizeOf: ({ bytes }) => bytes,
  });
  /** Prefix of the reply subjects. */
  const inbox = `${createInbox(`_INBOX.${connection.name}`)}.`;
  /** By reply subject. */
  const inFlight = new Map<string, InFlightBatch>();
  let sent = 0;
  const reasons = {
    noResponders: `No replica of ${service} is running.`,
    timeout: `${service} did not answer in time.`,
    disconnected: `The connection to the broker was lost before ${service} answered.`,
  };
  connection.link.nc.subscribe(`${inbox}*`, { callback: receive });
  // Replies to a lost connection's inbox never arrive.
  connection.onChange(failAll);

  function add(request: PendingRequest): void {
    // Receiving the body may have used up the time. A request whose caller has given up must not be executed.
    if (request.deadline - performance.now() < 1) {
      request.reject(new AppError('unavailable', 'The deadline of the request has passed.'));
    } else batcher.add(request);
  }

  async function sendAll(requests: PendingRequest[]): Promise<void> {
    await Promise.all(groupByDeadline(requests).map((group) => send(group, replicas.target)));
  }

  /**
   * Sends requests in one message. Resolves on the first reply, or after `releaseAfterMs` without one.
   * @param replica the only replica to send to; undefined for any
   */
  function send(requests: PendingRequest[], replica: string | undefined): Promise<void> {
    const { promise, resolve: release } = Promise.withResolvers<void>();
    const sentAt = performance.now();
    const timeoutMs = Math.max(1, ...requests.map(({ deadline }) => Math.round(deadline - sentAt)));
    const batch = { sentAt, deadline: sentAt + timeoutMs, replica, open: new Map(requests.entries()), release };
    const texts = requests.map(({ text }) => text);
    const reply = inbox + (sent++).toString(36);
    for (const request of requests) request.inFlight++;
    try {
      const { nc } = connection.link;
      const subject = replica === undefined ? anyReplica : replicaSubject(service, replica);
      nc.publish(subject, encodeRequests(timeoutMs, texts), { reply });
      inFlight.set(reply, batch);
      setTimeout(release, releaseAfterMs);
      watch(reply, batch, Math.min(slowMs, timeoutMs / 2));
    } catch (error) {
      release();
      const unavailable =
        error instanceof AppError ? error : new AppError('unavailable', `The request to ${service} could not be sent.`);
      for (const request of requests) if (--request.inFlight === 0) request.reject(unavailable);
    }
    return promise;
  }

  function receive(error: Error | null, message: Msg): void {
    if (error) {
      failAll();
      return;
    }
    const { subject } = message;
    const batch = inFlight.get(subject);
    if (!batch) return;
    // The broker sends an empty message with status 503 when a subject has no subscriber.
    if (message.data.length === 0 && message.headers?.code === 503) {
      fail(subject, batch, 'noResponders');
      return;
    }
    const { open, sentAt, release } = batch;
    release();
    try {
      const { entries, replica } = decodeReplies(message.string());
      for (const reply of entries) {
        open.get(reply.id)?.resolve(reply);
        open.delete(reply.id);
      }
      replicas.responded(replica, sentAt);
    } catch {
      // The message was not written by a responder. A throw from here would end the connection's reader.
    }
    if (open.size === 0) inFlight.delete(subject);
  }

  function failAll(): void {
    for (const [reply, batch] of [...inFlight]) fail(reply, batch, 'disconnected');
  }

  function fail(reply: string, { replica, sentAt, open, release }: InFlightBatch, reason: keyof typeof reasons): void {
    inFlight.delete(reply);
    release();
    const unreceived = reason === 'noResponders';
    if (unreceived && replica !== undefined) replicas.gone(replica);
    const noReplicaResponded = unreceived || (reason === 'timeout' && !replicas.respondedSince(sentAt));
    for (const request of open.values()) {
      request.inFlight--;
      // The addressed replica has ended without receiving the request, so even a command can be sent to another one.
      if (unreceived && replica !== undefined) add(request);
      else if (unreceived && request.mayHedge) {
        request.mayHedge = false;
        setTimeout(() => add(request), noRespondersRetryMs);
      } else if (request.inFlight === 0) {
        const outcome = request.isCommand && !unreceived ? 'unknown' : undefined;
        request.reject(new Unanswered(reasons[reason], { noReplicaResponded, outcome }));
      }
    }
  }

  /** Checks a batch at intervals until all its replies are there or its deadline has passed. */
  function watch(reply: string, batch: InFlightBatch, afterMs: number): void {
    const check = (): void => {
      if (!inFlight.has(reply)) return;
      const leftMs = batch.deadline - performance.now();
      if (leftMs <= 0) {
        fail(reply, batch, 'timeout');
        return;
      }
      hedge(batch);
      watch(reply, batch, Math.min(checkEveryMs, leftMs));
    };
    // setImmediate: if this process was busy, replies that wait in the socket are read before the check.
    setTimeout(() => setImmediate(check), afterMs).unref();
  }

  /** Sends the unanswered requests that may be hedged to a replica that responds, if any; the first reply counts. */
  function hedge({ open, sentAt }: InFlightBatch): void {
    replicas.pingSilent(sentAt);
    const now = performance.now();
    const requests = [...open.values()].filter(({ mayHedge, deadline }) => mayHedge && deadline > now);
    const target = requests.length > 0 ? replicas.hedge(sentAt) : undefined;
    if (!target) return;
    for (const request of requests) request.mayHedge = false;
    connection.telemetry.metrics.repeated(service).inc(requests.length);
    void send(requests, target.replica);
  }

  return { add };
}
