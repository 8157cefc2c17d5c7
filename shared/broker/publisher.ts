/** Publishing events: messages that come together are stored together, and what the broker takes is measured. */
import type { ServerInfo } from '@nats-io/nats-core';
import { compare, parseSemVer } from '@nats-io/nats-core/internal';
import { endSpan, messaging, SpanKind, startSpan, traceparentOf } from '../observe/tracing.ts';
import { AppError } from '../operations/errors.ts';
import { batched } from './batcher.ts';
import type { Connection } from './connection.ts';
import type { OutgoingMessage } from './event-codec.ts';
import { NotStored, publishBatch, publishOne, WrongLastSequence } from './publish.ts';
import { WriteHealth } from './write-health.ts';

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
    this.health = new WriteHealth(connection);
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
    const span =
      tracer &&
      startSpan(
        tracer,
        `publish ${stream}`,
        { kind: SpanKind.PRODUCER, attributes },
        { givenTraceparent: message.headers.traceparent, linkedTo: message.links },
      );
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
        return await this.#publishAtomically(batch);
      } catch (error) {
        // Unknown outcome: a message sent again would be stored twice if its id has left the duplicate window.
        if (error instanceof AppError && error.outcome) throw error;
      }
    }
    const published = batch.map((message) => this.#publishOne(message));
    await Promise.allSettled(published);
    return published;
  }

  async #publishOne(message: OutgoingMessage): Promise<Published> {
    if (message.with) return (await this.#publishAtomically([message]))[0] as Published;
    const { seq, duplicate } = await publishOne(this.#connection.link, message);
    return { stream: message.stream, sequence: seq, duplicate };
  }

  async #publishAtomically(messages: OutgoingMessage[]): Promise<Published[]> {
    const all = messages.flatMap((message) => (message.with ? [message, message.with] : [message]));
    // The messages of a batch are stored one behind the other.
    let sequence = (await publishBatch(this.#connection.link, all)) - all.length;
    return messages.map((message) => {
      const own = ++sequence;
      if (message.with) sequence++;
      return { stream: message.stream, sequence: own, duplicate: false };
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
