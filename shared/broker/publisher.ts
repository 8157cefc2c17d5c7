/**
 * Storing messages in streams: alone or as an atomic batch, with expectations, and the broker's codes as our errors. Those that
 * come together are stored together, and what the broker takes is measured.
 */
import { type ApiError, JetStreamApiError, type PubAck } from '@nats-io/jetstream';
import { errors, type MsgHdrs, type ServerInfo } from '@nats-io/nats-core';
import { compare, parseSemVer } from '@nats-io/nats-core/internal';
import { endSpan, messaging, SpanKind, startSpan, traceparentOf } from '../observe/telemetry.ts';
import { AppError } from '../operations/errors.ts';
import { batched } from './batcher.ts';
import { type Connection, ConnectionLost, type Link } from './connection.ts';
import { type OutgoingMessage, toHeaders } from './event-codec.ts';
import { NotStored, WriteHealth } from './write-health.ts';

/** Another writer was first: what the decision was based on is no longer the last state. Decide again. */
export class WrongLastSequence extends Error {
  override readonly name = 'WrongLastSequence';
}

export interface Published {
  stream: string;
  /** Sequence in the stream: the revision that the event made. */
  sequence: number;
  /** True when the broker had this message id already. */
  duplicate: boolean;
}

/** An atomic batch costs the broker about three milliseconds more than a message: it pays from here on. */
const atomicFrom = 16;
/** The first version that holds each expectation of a batch against its own filter. */
const soundFrom = parseSemVer('2.14.4');
const maxItems = 500;
const maxBytes = 4_000_000;

type MessageToStore = Pick<OutgoingMessage, 'subject' | 'headers' | 'expect'> & { data: string | Uint8Array };

const wrongLastSequence = new Set([10070, 10071, 10164]);
/** A limit of the account, not of the message, though its status is 400. */
const accountFull = 10002;
const timeoutMs = 4000;

/**
 * Publishes messages to streams. Messages of one stream that come together go out as an atomic batch, which brokers
 * from 2.15 on sync to disk once. Where that is refused, or each expectation would not be seen to, they are sent alone, so
 * that none fails or passes for another.
 */
export class Publisher implements Disposable {
  /** Whether the broker stores what is published here. */
  readonly health: WriteHealth;
  readonly #connection: Connection;
  /** By the stream. */
  readonly #stores = new Map<string, (message: OutgoingMessage) => Promise<Published>>();

  constructor(connection: Connection) {
    this.#connection = connection;
    this.health = new WriteHealth(connection, (message) => publishOne(connection.link, message));
  }

  [Symbol.dispose](): void {
    this.health[Symbol.dispose]();
  }

  /**
   * Stores a message and gives its sequence. Measures how long the broker takes, in a span where spans are exported:
   * readers have it as their parent.
   * @throws WrongLastSequence when its expectation does not hold.
   * @throws AppError unavailable; with `outcome: 'unknown'` when it may have been stored all the same.
   */
  async publish(message: OutgoingMessage): Promise<Published> {
    const { stream } = message;
    this.health.requireStoring(stream);
    const { metrics, tracer } = this.#connection.telemetry;
    const startedAt = performance.now();
    const attributes = { ...messaging, 'messaging.operation.name': 'publish', 'messaging.destination.name': stream };
    const options = { kind: SpanKind.PRODUCER, attributes };
    const span = tracer && startSpan(tracer, `publish ${stream}`, options, message.headers.traceparent, message.links);
    let failure: string | undefined;
    try {
      const traceparent = span && traceparentOf(span);
      const traced = traceparent ? withTraceparent(message, traceparent) : message;
      const published = await this.#storeOf(stream)(traced);
      span?.setAttribute('marquee.sequence', published.sequence);
      this.health.stored(stream);
      return published;
    } catch (error) {
      if (error instanceof NotStored) this.health.failed(stream, error);
      failure =
        error instanceof AppError ? error.code : error instanceof WrongLastSequence ? 'wrong_last_sequence' : '_OTHER';
      throw error;
    } finally {
      metrics.sent(stream, failure ?? '').observe((performance.now() - startedAt) / 1000);
      if (span) endSpan(span, failure);
    }
  }

  #storeOf(stream: string): (message: OutgoingMessage) => Promise<Published> {
    let store = this.#stores.get(stream);
    if (!store) {
      // While one batch is on its way back into the view, the broker has the next.
      store = batched((batch) => this.#publishAll(batch), { maxItems, maxBytes, sizeOf, maxConcurrent: 2 });
      this.#stores.set(stream, store);
    }
    return store;
  }

  /** Each message has its own outcome, or all have that of their batch. */
  async #publishAll(batch: OutgoingMessage[]): Promise<(Published | Promise<Published>)[]> {
    if (batch.length >= atomicFrom && fitTogether(batch, this.#connection.link.nc.info)) {
      try {
        return await this.#publishTogether(batch);
      } catch (error) {
        // Unknown outcome: a message sent again would be stored twice if its id has left the duplicate window.
        if (error instanceof AppError && error.outcome) throw error;
      }
    }
    const published = batch.map(async (message) => (await this.#publishTogether([message]))[0] as Published);
    await Promise.allSettled(published);
    return published;
  }

  /** The messages of an atomic batch are stored one behind the other. */
  async #publishTogether(messages: OutgoingMessage[]): Promise<Published[]> {
    const all = messages.flatMap((message) => (message.with ? [message, message.with] : [message]));
    const { seq, duplicate } = await publishTogether(this.#connection.link, all);
    let sequence = seq - all.length;
    return messages.map((message) => {
      const own = ++sequence;
      if (message.with) sequence++;
      return { stream: message.stream, sequence: own, duplicate };
    });
  }
}

/**
 * Whether the broker sees to the expectations of all as it does for each alone. Of those about more subjects than a
 * message's own, brokers before 2.14.4 take one for another's (nats-server#8376), and all of them look only at what was
 * stored before the batch: two about the same filter would both hold, as would one behind what its filter covers.
 */
export function fitTogether(batch: Pick<OutgoingMessage, 'expect'>[], server: Partial<ServerInfo> = {}): boolean {
  const filters = batch.flatMap(({ expect }) => expect?.subject ?? []);
  if (filters.length === 0) return true;
  // Of a cluster it is the leader of the stream that looks, and its version is not known here.
  const isSound = server.cluster === undefined && compare(parseSemVer(server.version), soundFrom) >= 0;
  return isSound && new Set(filters).size === batch.length;
}

/** A guess: headers take some 400 bytes. */
function sizeOf(message: OutgoingMessage): number {
  return message.data.length + 400 + (message.with ? sizeOf(message.with) : 0);
}

function withTraceparent(message: OutgoingMessage, traceparent: string): OutgoingMessage {
  return {
    ...message,
    headers: { ...message.headers, traceparent },
    ...(message.with ? { with: withTraceparent(message.with, traceparent) } : {}),
  };
}

/**
 * Stores one message, and gives up on the broker after 4 seconds.
 * @throws WrongLastSequence when its expectation does not hold.
 * @throws AppError unavailable; with `outcome: 'unknown'` when it may have been stored all the same.
 */
export async function publishOne({ js, unlessLost }: Link, message: MessageToStore): Promise<PubAck> {
  const { subject, data } = message;
  try {
    return await unlessLost(js.publish(subject, data, { headers: headersOf(message), timeout: timeoutMs }));
  } catch (error) {
    // Only "nobody listens" and a refusal say for sure that nothing was stored. What is wrong is sometimes in the cause, and
    // the client does not export the class around it.
    for (const reason of [error, error instanceof Error ? error.cause : undefined]) {
      if (reason instanceof JetStreamApiError) throw refusal(reason.apiError());
      if (reason instanceof errors.RequestError && reason.isNoResponders()) {
        throw new NotStored('The stream is not available at the moment.');
      }
    }
    const unconfirmed = 'The broker did not confirm in time; it may have been stored.';
    const options = { outcome: 'unknown', cause: error } as const;
    if (error instanceof errors.TimeoutError) throw new NotStored(unconfirmed, options);
    if (error instanceof ConnectionLost) throw new AppError('unavailable', unconfirmed, options);
    throw error;
  }
}

/**
 * Stores all messages or none, in one transaction of the broker. The client's own batches lose the broker's code when one is
 * refused. Result and errors as `publishOne`, of the last.
 */
function publishTogether(link: Link, messages: MessageToStore[]): Promise<PubAck> {
  if (messages.length === 1) return publishOne(link, messages[0] as MessageToStore);
  const id = crypto.randomUUID();
  const all = messages.map((message, index) => {
    const batch = { 'Nats-Batch-Id': id, 'Nats-Batch-Sequence': String(index + 1) };
    return { ...message, headers: { ...message.headers, ...batch } };
  });
  const last = all.pop() as MessageToStore;
  for (const { subject, data, ...message } of all) link.nc.publish(subject, data, { headers: headersOf(message) });
  return publishOne(link, { ...last, headers: { ...last.headers, 'Nats-Batch-Commit': '1' } });
}

function refusal(error: ApiError): Error {
  if (wrongLastSequence.has(error.err_code)) return new WrongLastSequence(error.description);
  const cause = new Error(`${error.err_code}: ${error.description}`);
  const cannotStore = error.code >= 500 || error.code === 408 || error.err_code === accountFull;
  if (cannotStore) return new NotStored('The broker cannot store at the moment.', { cause });
  return new AppError('unavailable', 'The broker refused to store this.', { cause });
}

function headersOf({ headers, expect }: Pick<MessageToStore, 'headers' | 'expect'>): MsgHdrs {
  if (!expect) return toHeaders(headers);
  const { lastSubjectSequence, subject } = expect;
  return toHeaders({
    ...headers,
    'Nats-Expected-Last-Subject-Sequence': String(lastSubjectSequence),
    ...(subject ? { 'Nats-Expected-Last-Subject-Sequence-Subject': subject } : {}),
  });
}
