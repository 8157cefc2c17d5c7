/**
 * Reads one stream in order, from a checkpoint, for ever.
 *
 * The client's own ordered consumer stops silently when the broker is killed while messages flow. This loop makes an
 * ephemeral consumer and starts over from its checkpoint at any sign of trouble.
 */
import { addAbortListener } from 'node:events';
import { AckPolicy, DeliverPolicy, ReplayPolicy, type StreamInfo } from '@nats-io/jetstream';
import { nanos, nuid } from '@nats-io/nats-core';
import { messageOf } from '../operations/errors.ts';
import type { Logger } from '../process/log.ts';
import type { Connection, Link } from './connection.ts';
import { type StoredMessage, storedMessage } from './event-codec.ts';
import { type Loss, LostStream, lossOf } from './lost-stream.ts';
import { MessageBatch } from './message-batch.ts';
import { type LastTaken, mayReplace, type StreamPosition, streamIdentity } from './stream-identity.ts';
import { Supervisor } from './supervisor.ts';

/** Whom a stream is read for. All of it is synchronous: what is applied is applied. */
export interface StreamTarget {
  /** Where to go on; `info` says what the stream is and holds. */
  position(info: StreamInfo): StreamPosition | undefined;
  /** The last messages that were taken up to there, in order: a stream that has others is not the same. */
  lastTaken?(): LastTaken;
  /** Applies messages of the stream that was created then, in order, and moves the position behind the last. */
  apply(messages: StoredMessage[], created: string): void;
  /** It may not be the same stream, nor all of it applied: reading begins, or begins again. `loss`: an operator must help. */
  behind?(loss?: Loss): void;
  /** All that the stream held when the reader looked has been applied. */
  caughtUp(created: string, lastSequence: number): void;
  /** The stream is not the one that the position belongs to: it was deleted and made again, or lost its end. */
  replaced(reason: string): void;
}

interface StreamReaderOptions {
  stream: string;
  filter: string;
  connection: Connection;
  target: StreamTarget;
  log: Logger;
}

const inactiveMs = 30_000;
const heartbeatMs = 2000;

/** Follows a stream until it is disposed. Reports progress to its target. */
export class StreamReader implements AsyncDisposable {
  readonly #options: StreamReaderOptions;
  readonly #supervisor: Supervisor;
  /** Messages behind the last one applied, as the broker last said. */
  lag = 0;
  /** When the broker stored the last message applied; before the first, when reading began. Milliseconds since 1970. */
  appliedUpTo = Date.now();

  constructor(options: StreamReaderOptions) {
    this.#options = options;
    const { connection, log, stream, target } = options;
    const failed = (error: unknown): void => {
      const loss = lossOf(error);
      target.behind?.(loss);
      if (connection.connected && !loss)
        log.warn({ stream, reason: messageOf(error) }, 'reading the stream starts over');
    };
    this.#supervisor = new Supervisor({ connection, task: (link, ended) => this.#read(link, ended), failed });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#supervisor[Symbol.asyncDispose]();
  }

  /** One life of a consumer. Returns or throws when another has to be made. */
  async #read({ js, jsm }: Link, ended: AbortSignal): Promise<void> {
    const { stream, filter, target } = this.#options;
    target.behind?.();
    const info = await jsm.streams.info(stream);
    const position = target.position(info);
    const created = streamIdentity(info);
    // A copy can be fetched again from its home, and may have lost its end when the broker was killed: that comes again.
    const isCopy = info.config.mirror !== undefined;
    if (position && position.created !== created) {
      // What was taken of the lost one may be all that is left of it.
      if (position.sequence > 0 && !isCopy && !mayReplace(info)) throw new LostStream('replaced');
      return target.replaced('it was made again, or restored');
    }
    if (position && position.sequence > info.state.last_seq && !isCopy) {
      return target.replaced('it ends before the checkpoint');
    }

    const applied = position?.sequence ?? 0;
    // They are read once more: where a stream was put back to an older state and written on, they are others.
    const lastTaken = target.lastTaken?.();
    const last = lastTaken?.at(-1);
    const keepsAll = info.config.max_msgs_per_subject <= 0;
    if (last && keepsAll && info.state.first_seq > last.sequence) return target.replaced('it was purged');
    const taken = new Map(lastTaken?.map(({ sequence, storedAt }) => [sequence, storedAt]));
    const from = lastTaken ? (lastTaken[0]?.sequence ?? 1) : applied + 1;
    const consumerInfo = await jsm.consumers.add(stream, {
      // With a name the filter is part of the request's subject, where the broker's permissions can see it.
      name: `${this.#options.connection.name}-${nuid.next()}`,
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: from,
      replay_policy: ReplayPolicy.Instant,
      filter_subject: filter,
      inactive_threshold: nanos(inactiveMs),
      mem_storage: true,
      num_replicas: 1,
    });
    this.lag = consumerInfo.num_pending;
    if (this.lag === 0) target.caughtUp(created, info.state.last_seq);
    const consumer = js.consumers.getConsumerFromInfo(consumerInfo);
    const messages = await consumer.consume({
      max_messages: 4000,
      idle_heartbeat: heartbeatMs,
      expires: 10_000,
      abort_on_missing_resource: true,
    });
    // `stop`, not `close`: closing inside the iterator waits for itself.
    using _ = addAbortListener(ended, () => messages.stop());
    const apply = (batch: StoredMessage[], lag: number): void => {
      const { sequence, storedAt } = batch.at(-1) as StoredMessage;
      this.lag = lag;
      this.appliedUpTo = storedAt;
      target.apply(batch, created);
      if (lag === 0) target.caughtUp(created, sequence);
    };
    const batch = new MessageBatch(apply, () => messages.stop());
    try {
      let delivered = 0;
      for await (const message of messages) {
        // A gap in the delivery sequence is a lost message; gaps of the stream sequence are normal.
        if (message.info.deliverySequence !== ++delivered) throw new Error('a message was lost on the way');
        if (message.seq > applied) batch.add(message);
        else if ((!isCopy || taken.has(message.seq)) && storedMessage(message).storedAt !== taken.get(message.seq)) {
          return target.replaced('it holds other messages, as after a return to an older state');
        } else if (message.info.pending === 0) {
          this.lag = 0;
          target.caughtUp(created, info.state.last_seq);
        }
        if (batch.failure) break;
      }
      if (batch.failure) throw batch.failure;
    } finally {
      batch.close();
      messages.stop();
      // The consumer is left to end by itself: the right to delete one would be a right to delete those of others.
    }
  }
}
