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

/** A request that waits for its reply. */
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

/** Why no reply came: nobody listens, the deadline passed, or the connection was lost on the way. */
type NoReply = 'no_responders' | 'timeout' | 'disconnected';

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

export class ServiceClient {
  readonly #service: string;
  /** Where its requests go that are for no certain replica. */
  readonly #subject: string;
  readonly #connection: Connection;
  readonly #replicas: ReturnType<typeof replicasOf>;
  readonly #batcher = new Batcher<PendingRequest>({
    run: (requests) => this.#sendAll(requests),
    maxConcurrent,
    maxBytes: maxBatchBytes,
    sizeOf: ({ bytes }) => bytes,
  });
  /** What the subjects begin with that are replied to. */
  readonly #inbox: string;
  /** By the subject for their replies. */
  readonly #inFlight = new Map<string, InFlightBatch>();
  #sent = 0;

  /**
   * @param group where the replicas are not all alike: those to be asked
   * @throws AppError unavailable while there is no connection
   */
  constructor(service: string, connection: Connection, group?: string) {
    this.#service = service;
    this.#subject = group === undefined ? batchSubject(service) : replicaSubject(service, group);
    this.#connection = connection;
    this.#replicas = replicasOf(service, connection);
    this.#inbox = `${createInbox(`_INBOX.${connection.name}`)}.`;
    connection.link.nc.subscribe(`${this.#inbox}*`, { callback: (error, message) => this.#receive(error, message) });
    // Inboxes do not outlive a connection.
    connection.onChange(() => this.#failAll());
  }

  add(request: PendingRequest): void {
    // A body may have taken all the time: what nobody waits for must not be done.
    if (request.deadline - performance.now() < 1) {
      request.reject(new AppError('unavailable', 'There is no time left for it.'));
    } else this.#batcher.add(request);
  }

  async #sendAll(requests: PendingRequest[]): Promise<void> {
    await Promise.all(byPatience(requests).map((some) => this.#send(some, this.#replicas.target)));
  }

  /**
   * Resolves with the first reply, or after a moment without one: until then the next requests are collected.
   * @param replica where it has to be a certain one
   */
  #send(requests: PendingRequest[], replica: string | undefined): Promise<void> {
    const { promise, resolve: replied } = Promise.withResolvers<void>();
    const sentAt = performance.now();
    const timeoutMs = Math.max(1, ...requests.map(({ deadline }) => Math.round(deadline - sentAt)));
    const batch = { sentAt, deadline: sentAt + timeoutMs, replica, open: new Map(requests.entries()), replied };
    const texts = requests.map(({ text }) => text);
    const reply = this.#inbox + (this.#sent++).toString(36);
    for (const request of requests) request.inFlight++;
    try {
      const { nc } = this.#connection.link;
      const subject = replica === undefined ? this.#subject : replicaSubject(this.#service, replica);
      nc.publish(subject, encodeRequests(timeoutMs, texts), { reply });
      this.#inFlight.set(reply, batch);
      setTimeout(replied, collectMs);
      this.#watch(reply, batch, Math.min(slowMs, timeoutMs / 2));
    } catch (error) {
      replied();
      const unavailable =
        error instanceof AppError ? error : new AppError('unavailable', `${this.#service} cannot be asked.`);
      for (const request of requests) if (--request.inFlight === 0) request.reject(unavailable);
    }
    return promise;
  }

  /** Hands replies to those who wait. */
  #receive(error: Error | null, message: Msg): void {
    if (error) {
      this.#failAll();
      return;
    }
    const { subject } = message;
    const batch = this.#inFlight.get(subject);
    if (!batch) return;
    // The broker answers an unheard request with an empty message of status 503.
    if (message.data.length === 0 && message.headers?.code === 503) {
      this.#fail(subject, batch, 'no_responders');
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
      this.#replicas.responded(replica, sentAt);
    } catch {
      // It is no reply of ours. Thrown, that would end the connection's reader.
    }
    if (open.size === 0) this.#inFlight.delete(subject);
  }

  #failAll(): void {
    for (const [reply, batch] of [...this.#inFlight]) this.#fail(reply, batch, 'disconnected');
  }

  #fail(reply: string, { replica, sentAt, open, replied }: InFlightBatch, failure: NoReply): void {
    this.#inFlight.delete(reply);
    replied();
    const unheard = failure === 'no_responders';
    if (unheard && replica !== undefined) this.#replicas.gone(replica);
    const noReplicaResponded = unheard || (failure === 'timeout' && !this.#replicas.respondedSince(sentAt));
    for (const request of open.values()) {
      request.inFlight--;
      // One replica that is no more: whatever it was, nobody has got it.
      if (unheard && replica !== undefined) this.add(request);
      else if (unheard && request.mayHedge) {
        request.mayHedge = false;
        setTimeout(() => this.add(request), noRespondersAgainMs);
      } else if (request.inFlight === 0) {
        const what = unheard
          ? `No replica of ${this.#service} is running.`
          : `${this.#service} did not answer in time.`;
        const outcome = request.isCommand && !unheard ? 'unknown' : undefined;
        request.reject(new Unanswered(what, { noReplicaResponded, outcome }));
      }
    }
  }

  /** Sees to a message until it is replied to, or nobody waits any more. */
  #watch(reply: string, batch: InFlightBatch, afterMs: number): void {
    const look = (): void => {
      if (!this.#inFlight.has(reply)) return;
      const leftMs = batch.deadline - performance.now();
      if (leftMs <= 0) {
        this.#fail(reply, batch, 'timeout');
        return;
      }
      this.#slow(batch);
      this.#watch(reply, batch, Math.min(slowAgainMs, leftMs));
    };
    // Behind all that lies unread, after a pause of our own.
    setTimeout(() => setImmediate(look), afterMs).unref();
  }

  /** What may be sent again goes to a replica that responds, once there is one; the first reply counts. */
  #slow({ open, sentAt }: InFlightBatch): void {
    this.#replicas.pingSilent(sentAt);
    const now = performance.now();
    const requests = [...open.values()].filter(({ mayHedge, deadline }) => mayHedge && deadline > now);
    const hedge = requests.length > 0 ? this.#replicas.hedge(sentAt) : undefined;
    if (!hedge) return;
    for (const request of requests) request.mayHedge = false;
    this.#connection.telemetry.metrics.repeated(this.#service).inc(requests.length);
    void this.#send(requests, hedge.replica);
  }
}
