/** Publishing to streams: durable, grouped, with expectations, and the broker's codes as our errors. */

import { type Attributes, messaging } from '../observe/telemetry.ts';
import { AppError } from '../operations/errors.ts';
import { Group } from './batcher.ts';
import type { Connection } from './connection.ts';
import { type OutgoingMessage, toHeaders } from './event-codec.ts';
import type { NoReply } from './reply-inbox.ts';

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

interface BrokerAck {
  stream?: string;
  seq?: number;
  duplicate?: boolean;
  error?: { code: number; err_code: number; description: string };
}

const wrongLastSequence = new Set([10070, 10071, 10164]);
const brokerTimeoutMs = 4000;
/** A batch costs the broker about three milliseconds more than a message: it pays from here on. */
const batchFrom = 16;
const batchLimit = 500;
const batchBytes = 4_000_000;

function refusal(error: NonNullable<BrokerAck['error']>): Error {
  if (wrongLastSequence.has(error.err_code)) return new WrongLastSequence(error.description);
  if (error.code === 503 || error.code === 408)
    return new AppError('unavailable', 'The broker cannot store at the moment.', { cause: error });
  return new AppError('unavailable', 'The broker refused to store this.', {
    cause: new Error(`${error.err_code}: ${error.description}`),
  });
}

/** A missing answer. Only "nobody listens" says for sure that nothing was stored. */
function missing(failure: NoReply): AppError {
  if (failure === 'no_responders') return new AppError('unavailable', 'The stream is not available at the moment.');
  return new AppError('unavailable', 'The broker did not confirm in time; it may have been stored. A repeat is safe.', {
    outcome: 'unknown',
  });
}

const sizeOf = (message: OutgoingMessage): number =>
  message.data.length + 400 + (message.with ? sizeOf(message.with) : 0);

/**
 * Publishes messages to streams. Messages of one stream that come together go out as an atomic batch, which brokers
 * from 2.15 on sync to disk once; where a batch is refused each of its messages is sent alone, so that none fails for
 * another.
 */
export class Publisher {
  readonly #connection: Connection;
  readonly #groups = new Map<string, Group<OutgoingMessage, Published>>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Stores a message and gives its sequence.
   * @throws WrongLastSequence when its expectation does not hold.
   * @throws AppError unavailable; with `outcome: 'unknown'` when it may have been stored all the same.
   */
  publish(message: OutgoingMessage): Promise<Published> {
    let group = this.#groups.get(message.stream);
    if (!group) {
      group = new Group((messages) => this.#commit(messages), {
        maxItems: batchLimit,
        maxBytes: batchBytes,
        // While one batch is on its way back into the view, the broker has the next.
        parallel: 2,
        sizeOf,
        keyOf: (item) => (item.expect ? (item.expect.subject ?? item.subject) : undefined),
      });
      this.#groups.set(message.stream, group);
    }
    return this.#observed(message, (traced) => (group as Group<OutgoingMessage, Published>).add(traced));
  }

  /** The same without waiting for others of this turn of the event loop. For a message without an expectation. */
  publishAtOnce(message: OutgoingMessage): Promise<Published> {
    return this.#observed(message, (traced) => this.#publishOne(traced));
  }

  /** Measures how long the broker takes, in a span where spans are exported: readers have it as their parent. */
  async #observed(
    message: OutgoingMessage,
    send: (message: OutgoingMessage) => Promise<Published>,
  ): Promise<Published> {
    const { metrics, tracer } = this.#connection.telemetry;
    const { stream } = message;
    const startedAt = performance.now();
    const span = tracer?.start({
      kind: 'producer',
      name: `publish ${stream}`,
      parent: message.headers.traceparent,
      links: message.links,
      attributes: { ...messaging, 'messaging.operation.name': 'publish', 'messaging.destination.name': stream },
    });
    const ended = (error: string, attributes?: Attributes): void => {
      metrics.sent(stream, error).observe((performance.now() - startedAt) / 1000);
      span?.end(error || undefined, attributes);
    };
    try {
      const published = await send(span ? withTraceparent(message, span.traceparent) : message);
      ended('', { 'marquee.sequence': published.sequence });
      return published;
    } catch (error) {
      ended(
        error instanceof AppError ? error.code : error instanceof WrongLastSequence ? 'wrong_last_sequence' : '_OTHER',
      );
      throw error;
    }
  }

  /** Stores all messages or none, in one transaction of the broker. Errors as `publish`. */
  async publishAtomically(messages: OutgoingMessage[]): Promise<Published[]> {
    const flat = messages.flatMap((message) => (message.with ? [message, message.with] : [message]));
    const { nc, replies } = this.#connection.link;
    const batch = { id: crypto.randomUUID(), last: flat.length };
    let result: Promise<BrokerAck> | undefined;
    flat.forEach((message, index) => {
      const sequence = index + 1;
      const headers = toHeaders({
        ...wireHeaders(message),
        'Nats-Batch-Id': batch.id,
        'Nats-Batch-Sequence': String(sequence),
        ...(sequence === batch.last ? { 'Nats-Batch-Commit': '1' } : {}),
      });
      if (sequence < batch.last) nc.publish(message.subject, message.data, { headers });
      else result = this.#acknowledged(replies.request(message.subject, message.data, brokerTimeoutMs, headers));
    });
    const ack = await (result as Promise<BrokerAck>);
    if (ack.error) throw refusal(ack.error);
    // The messages of a batch are stored one behind the other; the acknowledgement names the last.
    let sequence = (ack.seq as number) - flat.length;
    return messages.map((message) => {
      const own = ++sequence;
      if (message.with) sequence++;
      return { stream: message.stream, sequence: own, duplicate: false };
    });
  }

  async #commit(messages: OutgoingMessage[]): Promise<PromiseSettledResult<Published>[]> {
    if (messages.length >= batchFrom) {
      try {
        const published = await this.publishAtomically(messages);
        return published.map((value) => ({ status: 'fulfilled', value }));
      } catch (error) {
        // Unknown outcome: a message sent again would be stored twice if its id has left the duplicate window.
        if (error instanceof AppError && error.outcome) throw error;
      }
    }
    return Promise.allSettled(messages.map((message) => this.#publishOne(message)));
  }

  async #publishOne(message: OutgoingMessage): Promise<Published> {
    if (message.with) return (await this.publishAtomically([message]))[0] as Published;
    const { replies } = this.#connection.link;
    const reply = replies.request(message.subject, message.data, brokerTimeoutMs, toHeaders(wireHeaders(message)));
    const ack = await this.#acknowledged(reply);
    if (ack.error) throw refusal(ack.error);
    return { stream: message.stream, sequence: ack.seq as number, duplicate: ack.duplicate === true };
  }

  async #acknowledged(reply: Promise<{ json<T>(): T }>): Promise<BrokerAck> {
    try {
      return (await reply).json<BrokerAck>();
    } catch (failure) {
      if (failure === 'no_responders' || failure === 'timeout' || failure === 'disconnected') throw missing(failure);
      throw failure;
    }
  }
}

function withTraceparent(message: OutgoingMessage, traceparent: string): OutgoingMessage {
  return {
    ...message,
    headers: { ...message.headers, traceparent },
    ...(message.with ? { with: withTraceparent(message.with, traceparent) } : {}),
  };
}

function wireHeaders({ headers, expect }: OutgoingMessage): Record<string, string> {
  if (!expect) return headers;
  return {
    ...headers,
    'Nats-Expected-Last-Subject-Sequence': String(expect.lastSubjectSequence),
    ...(expect.subject ? { 'Nats-Expected-Last-Subject-Sequence-Subject': expect.subject } : {}),
  };
}
