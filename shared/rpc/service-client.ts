/** Requests to one service: sent in batches, and to a second replica where the first hangs. */
import { createInbox, type Msg } from '@nats-io/nats-core';
import { Batcher } from '../broker/batcher.ts';
import type { Connection } from '../broker/connection.ts';
import { AppError } from '../operations/errors.ts';
import { replicasOf } from './hedging.ts';
import {
  batchSubject,
  decodeReplies,
  encodeRequest,
  encodeRequests,
  type ReplyEntry,
  type RequestEntry,
  replicaSubject,
} from './wire-format.ts';

export interface PendingRequest {
  /** As it is sent. */
  text: string;
  bytes: number;
  /** When nobody waits any more, by performance.now(). */
  deadline: number;
  isCommand: boolean;
  /** Whether it may be sent to a second replica. */
  mayHedge: boolean;
  /** Messages that it is in and that may still be answered. */
  inFlight: number;
  resolve: (reply: ReplyEntry) => void;
  reject: (error: AppError) => void;
}

/** Batches to a service that may be unanswered at once: fewer leave processes idle, more are no faster. */
const maxConcurrent = 4;
const maxBatchBytes = 400_000;
/** Below what the broker takes in one message (1 MiB), with room for headers. */
const maxRequestBytes = 1_040_000;

/** @throws AppError too_large; invalid for an input that is nested too deeply. */
export function encodedRequest(entry: RequestEntry): Pick<PendingRequest, 'text' | 'bytes'> {
  let text: string;
  try {
    text = encodeRequest(entry);
  } catch (error) {
    throw new AppError('invalid', 'The request is nested too deeply.', { cause: error });
  }
  const bytes = Buffer.byteLength(text);
  if (bytes > maxRequestBytes) throw new AppError('too_large', 'The request does not fit in one message.');
  return { text, bytes };
}

/** Of requests in one message the most patient waits at most so many times as long as the most hasty: one timer is for all. */
const alike = 1.05;

/** The requests for each message, the most hasty first: those that still wait for about as long. */
export function byPatience(requests: PendingRequest[]): PendingRequest[][] {
  const now = performance.now();
  const messages: PendingRequest[][] = [];
  let latest = Number.NEGATIVE_INFINITY;
  for (const request of requests.toSorted((a, b) => a.deadline - b.deadline)) {
    if (request.deadline > latest) {
      messages.push([]);
      latest = now + (request.deadline - now) * alike;
    }
    messages.at(-1)?.push(request);
  }
  return messages;
}

/** Requests in one message on its way to a service. */
interface InFlightBatch {
  /** Times by performance.now(). */
  sentAt: number;
  deadline: number;
  /** The only replica that it was sent to, if it was. */
  replica: string | undefined;
  /** By their place in it: those that it has not brought a reply to. */
  open: Map<number, PendingRequest>;
  /** Lets others be sent. */
  replied(): void;
}

/** No answer came, as against a service that answers that it cannot. */
export class Unanswered extends AppError {
  /** Whether no replica at all has answered anything meanwhile. */
  readonly noReplicaResponded: boolean;

  constructor(detail: string, options: { noReplicaResponded: boolean; outcome?: 'unknown' | undefined }) {
    super('unavailable', detail, options);
    this.noReplicaResponded = options.noReplicaResponded;
  }
}

/** An answer takes a few milliseconds. After so long its replica may hang: then another that does not is looked for this often. */
const slowMs = 350;
const slowAgainMs = 50;
const noRespondersAgainMs = 50;
/** So long, in milliseconds, further requests are collected behind batches that nobody has replied to. */
const collectMs = 10;

export type ServiceClient = ReturnType<typeof serviceClient>;

/**
 * @param group where the replicas are not all alike: those to be asked
 * @throws AppError unavailable while there is no connection
 */
export function serviceClient(service: string, connection: Connection, group?: string) {
  /** Where requests go that are for no certain replica. */
  const anyReplica = group === undefined ? batchSubject(service) : replicaSubject(service, group);
  const replicas = replicasOf(service, connection);
  const batcher = new Batcher<PendingRequest>({
    run: sendAll,
    maxConcurrent,
    maxBytes: maxBatchBytes,
    sizeOf: ({ bytes }) => bytes,
  });
  /** What the subjects begin with that are replied to. */
  const inbox = `${createInbox(`_INBOX.${connection.name}`)}.`;
  /** By the subject for their replies. */
  const inFlight = new Map<string, InFlightBatch>();
  let sent = 0;
  /** Why no reply came. */
  const reasons = {
    unheard: `No replica of ${service} is running.`,
    late: `${service} did not answer in time.`,
    disconnected: `The connection to the broker was lost before ${service} answered.`,
  };
  connection.link.nc.subscribe(`${inbox}*`, { callback: receive });
  // Inboxes do not outlive a connection.
  connection.onChange(failAll);

  function add(request: PendingRequest): void {
    // A body may have taken all the time: what nobody waits for must not be done.
    if (request.deadline - performance.now() < 1) {
      request.reject(new AppError('unavailable', 'There is no time left for it.'));
    } else batcher.add(request);
  }

  async function sendAll(requests: PendingRequest[]): Promise<void> {
    await Promise.all(byPatience(requests).map((some) => send(some, replicas.target)));
  }

  /**
   * Resolves with the first reply, or after a moment without one: until then the next requests are collected.
   * @param replica where it has to be a certain one
   */
  function send(requests: PendingRequest[], replica: string | undefined): Promise<void> {
    const { promise, resolve: replied } = Promise.withResolvers<void>();
    const sentAt = performance.now();
    const timeoutMs = Math.max(1, ...requests.map(({ deadline }) => Math.round(deadline - sentAt)));
    const batch = { sentAt, deadline: sentAt + timeoutMs, replica, open: new Map(requests.entries()), replied };
    const texts = requests.map(({ text }) => text);
    const reply = inbox + (sent++).toString(36);
    for (const request of requests) request.inFlight++;
    try {
      const { nc } = connection.link;
      const subject = replica === undefined ? anyReplica : replicaSubject(service, replica);
      nc.publish(subject, encodeRequests(timeoutMs, texts), { reply });
      inFlight.set(reply, batch);
      setTimeout(replied, collectMs);
      watch(reply, batch, Math.min(slowMs, timeoutMs / 2));
    } catch (error) {
      replied();
      const unavailable =
        error instanceof AppError ? error : new AppError('unavailable', `${service} cannot be asked.`);
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
    // The broker answers an unheard request with an empty message of status 503.
    if (message.data.length === 0 && message.headers?.code === 503) {
      fail(subject, batch, 'unheard');
      return;
    }
    const { open, sentAt, replied } = batch;
    replied();
    try {
      const { entries, replica } = decodeReplies(message.string());
      for (const reply of entries) {
        open.get(reply.id)?.resolve(reply);
        open.delete(reply.id);
      }
      replicas.responded(replica, sentAt);
    } catch {
      // It is no reply of ours. Thrown, that would end the connection's reader.
    }
    if (open.size === 0) inFlight.delete(subject);
  }

  function failAll(): void {
    for (const [reply, batch] of [...inFlight]) fail(reply, batch, 'disconnected');
  }

  function fail(reply: string, { replica, sentAt, open, replied }: InFlightBatch, reason: keyof typeof reasons): void {
    inFlight.delete(reply);
    replied();
    const unheard = reason === 'unheard';
    if (unheard && replica !== undefined) replicas.gone(replica);
    const noReplicaResponded = unheard || (reason === 'late' && !replicas.respondedSince(sentAt));
    for (const request of open.values()) {
      request.inFlight--;
      // One replica that is no more: whatever it was, nobody has got it.
      if (unheard && replica !== undefined) add(request);
      else if (unheard && request.mayHedge) {
        request.mayHedge = false;
        setTimeout(() => add(request), noRespondersAgainMs);
      } else if (request.inFlight === 0) {
        const outcome = request.isCommand && !unheard ? 'unknown' : undefined;
        request.reject(new Unanswered(reasons[reason], { noReplicaResponded, outcome }));
      }
    }
  }

  /** Sees to a message until it is replied to, or nobody waits any more. */
  function watch(reply: string, batch: InFlightBatch, afterMs: number): void {
    const look = (): void => {
      if (!inFlight.has(reply)) return;
      const leftMs = batch.deadline - performance.now();
      if (leftMs <= 0) {
        fail(reply, batch, 'late');
        return;
      }
      slow(batch);
      watch(reply, batch, Math.min(slowAgainMs, leftMs));
    };
    // Behind all that lies unread, after a pause of our own.
    setTimeout(() => setImmediate(look), afterMs).unref();
  }

  /** What may be sent again goes to a replica that responds, once there is one; the first reply counts. */
  function slow({ open, sentAt }: InFlightBatch): void {
    replicas.pingSilent(sentAt);
    const now = performance.now();
    const requests = [...open.values()].filter(({ mayHedge, deadline }) => mayHedge && deadline > now);
    const hedge = requests.length > 0 ? replicas.hedge(sentAt) : undefined;
    if (!hedge) return;
    for (const request of requests) request.mayHedge = false;
    connection.telemetry.metrics.repeated(service).inc(requests.length);
    void send(requests, hedge.replica);
  }

  return { add };
}
