/**
 * Publishes messages to streams: alone or in atomic batches, with expectations, and with the broker's error codes
 * mapped to our errors.
 */
import { type ApiError, JetStreamApiError, type PubAck } from '@nats-io/jetstream';
import { errors, type MsgHdrs } from '@nats-io/nats-core';
import { endSpan, messaging, SpanKind, startSpan, traceparentOf } from '../observe/telemetry.ts';
import { AppError } from '../operations/errors.ts';
import { batched } from './batcher.ts';
import { type Connection, ConnectionLost, type Link } from './connection.ts';
import { type OutgoingMessage, toHeaders } from './event-codec.ts';
import { NotStored, WriteHealth } from './write-health.ts';

/** Another writer was first, so the decision was based on an outdated state and must be made again. */
export class WrongLastSequence extends Error {
  override readonly name = 'WrongLastSequence';
}

export interface Published {
  stream: string;
  /** Sequence in the stream, which is the revision that the event created. */
  sequence: number;
  /** Whether the broker had a message with this id already. */
  duplicate: boolean;
}

/** Smallest atomic batch that pays: a batch costs the broker about three milliseconds more than a message. */
const minAtomicBatch = 16;
const maxItems = 500;
const maxBytes = 4_000_000;

type MessageToStore = Pick<OutgoingMessage, 'subject' | 'headers' | 'expect'> & { data: string | Uint8Array };

const wrongLastSequence = new Set([10070, 10071, 10164]);
/** The code for an exceeded limit of the account, which has status 400 although the message is not at fault. */
const accountFull = 10002;
const timeoutMs = 4000;

/**
 * Publishes messages to streams. Messages that come at the same time for one stream are stored as an atomic batch,
 * which brokers from 2.15 on sync to disk once. When the batch is refused, or a message expects something that the broker
 * cannot check in a batch, the messages are published alone, so that each has its own outcome.
 */
export class Publisher implements Disposable {
  /** Whether the broker stores the messages of each stream. */
  readonly health: WriteHealth;
  readonly #connection: Connection;
  /** Functions that store a message in a batch, by stream. */
  readonly #stores = new Map<string, (message: OutgoingMessage) => Promise<Published>>();

  constructor(connection: Connection) {
    this.#connection = connection;
    this.health = new WriteHealth(connection, (message) => publishOne(connection.link, message));
  }

  [Symbol.dispose](): void {
    this.health[Symbol.dispose]();
  }

  /**
   * Stores a message and returns its sequence. Measures how long the broker takes. With tracing on, this is a span,
   * which is the parent of the readers' spans.
   * @throws WrongLastSequence when the expectation does not hold
   * @throws AppError unavailable; with `outcome: 'unknown'` when the message may have been stored nevertheless
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
      // Two at once, so that the broker stores one batch while the view applies the batch before it.
      store = batched((batch) => this.#publishAll(batch), { maxItems, maxBytes, sizeOf, maxConcurrent: 2 });
      this.#stores.set(stream, store);
    }
    return store;
  }

  /** Publishes messages as an atomic batch, with one outcome for all, or else alone, with an outcome for each. */
  async #publishAll(batch: OutgoingMessage[]): Promise<(Published | Promise<Published>)[]> {
    if (batch.length >= minAtomicBatch && canBatch(batch)) {
      try {
        return await this.#publishBatch(batch);
      } catch (error) {
        // Unknown outcome: messages sent again would be stored twice if their ids had left the duplicate window.
        if (error instanceof AppError && error.outcome) throw error;
      }
    }
    const published = batch.map(async (message) => (await this.#publishBatch([message]))[0] as Published);
    await Promise.allSettled(published);
    return published;
  }

  /** Publishes messages, each together with the one in its `with`, in one transaction. */
  async #publishBatch(messages: OutgoingMessage[]): Promise<Published[]> {
    const all = messages.flatMap((message) => (message.with ? [message, message.with] : [message]));
    const { seq, duplicate } = await publishAtomically(this.#connection.link, all);
    // The messages of an atomic batch have consecutive sequences, and the ack names the last one.
    let sequence = seq - all.length;
    return messages.map((message) => {
      const own = ++sequence;
      if (message.with) sequence++;
      return { stream: message.stream, sequence: own, duplicate };
    });
  }
}

/**
 * Returns whether the broker checks the expectations of a batch as it would check those of single messages. Expectations
 * about a filter of subjects are the exception: the broker compares them only with what was stored before the batch, not
 * with the messages before them in it. Brokers before 2.14.4 also confuse them with each other (nats-server#8376).
 */
function canBatch(batch: OutgoingMessage[]): boolean {
  return batch.every(({ expect }) => expect?.subject === undefined);
}

/** Estimates the size of a message with 400 bytes of headers. */
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
 * Stores one message, with a timeout of 4 seconds.
 * @throws WrongLastSequence when the expectation does not hold
 * @throws AppError unavailable; with `outcome: 'unknown'` when the message may have been stored nevertheless
 */
export async function publishOne({ js, unlessLost }: Link, message: MessageToStore): Promise<PubAck> {
  const { subject, data } = message;
  try {
    return await unlessLost(js.publish(subject, data, { headers: headersOf(message), timeout: timeoutMs }));
  } catch (error) {
    // Only "no responders" and an error of the API prove that nothing was stored. They may be the cause of another
    // error, whose class the client does not export.
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
 * Stores all messages or none, in one transaction of the broker. Not by the client's own batches, which lose the
 * broker's error code. Returns and throws as `publishOne` does for the last message.
 */
function publishAtomically(link: Link, messages: MessageToStore[]): Promise<PubAck> {
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
