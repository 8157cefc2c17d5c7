/**
 * Reads one stream in order, from a checkpoint, for ever: what is archived, what is in the stream, and what comes.
 *
 * The client's own ordered consumer stops silently when the broker is killed while messages flow. This loop makes an
 * ephemeral consumer and starts over from its checkpoint at any sign of trouble.
 */

import { addAbortListener } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ConsumerMessages, StreamInfo } from '@nats-io/jetstream';
import { messageOf } from '../operations/errors.ts';
import type { Logger } from '../process/log.ts';
import { type Archive, messagesOf, requireCurrent, segmentAt, segmentsFrom } from './archive.ts';
import { Batcher } from './batcher.ts';
import type { Connection, Link } from './connection.ts';
import { consume, consumerFrom } from './consumers.ts';
import { patternOf, type StoredMessage, storedMessage } from './event-codec.ts';
import { type Loss, lossOf, ReplacedStream } from './lost-stream.ts';
import { type Checkpoint, mayReplace, streamIdentity } from './stream-identity.ts';
import { keepRunning } from './supervisor.ts';

/** Whom a stream is read for. All of it is synchronous: what is applied is applied. */
export interface StreamTarget {
  /** Where to go on; `info` says what the stream is and holds. */
  position(info: StreamInfo): Checkpoint | undefined;
  /** Applies messages of the stream that was created then, in order, and moves the position behind the last. */
  apply(messages: StoredMessage[], created: string): void;
  /** It may not be the same stream, nor all of it applied: reading begins, or begins again. `loss`: an operator must help. */
  behind?(loss?: Loss): void;
  /** All that the stream held when the reader looked has been applied. */
  caughtUp(created: string, lastSequence: number): void;
  /** The stream is not the one that the position belongs to: it was deleted and made again, or lost its end. */
  replaced(reason: string): void;
}

/**
 * So many bytes become one transaction: thousands of votes, one to a message or many. Larger ones save little, and whoever
 * waits for another stream, or for the last message, waits for all of it.
 */
const maxBytes = 1_000_000;
/** Large transactions make a view catch up fast: so long a message waits for those that the broker has behind it. */
const lingerMs = 50;
/** A message counts more than its body. */
const sizeOf = ({ data }: StoredMessage): number => data.length + 200;

interface StreamReaderOptions {
  stream: string;
  filter: string;
  /** Where messages before the stream's first may be, and where others are moved to while they are read. */
  archive?: Archive | undefined;
  connection: Connection;
  target: StreamTarget;
  log: Logger;
}

/** Follows a stream until it is disposed. Reports progress to its target. */
export class StreamReader implements AsyncDisposable {
  readonly #options: StreamReaderOptions;
  readonly #running: AsyncDisposable;
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
    this.#running = keepRunning({ connection, task: (link, ended) => this.#read(link, ended), failed });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
  }

  /** One life of a consumer. Returns or throws when another has to be made. */
  async #read(link: Link, ended: AbortSignal): Promise<void> {
    const { jsm } = link;
    const { stream, filter, archive, connection, target } = this.#options;
    const { name } = connection;
    target.behind?.();
    const info = await jsm.streams.info(stream);
    const position = target.position(info);
    const created = streamIdentity(info);
    // A copy can be fetched again from its home, and may have lost its end when the broker was killed: that comes again.
    const isCopy = info.config.mirror !== undefined;
    if (position && position.sequence > 0 && position.created !== created) {
      // What was taken of the lost one may be all that is left of it.
      if (!isCopy && !mayReplace(info)) throw new ReplacedStream('the stream is another one');
      return target.replaced('it was made again, or restored');
    }
    if (position && position.sequence > info.state.last_seq && !isCopy) {
      return target.replaced('it ends before the checkpoint');
    }

    const applied = position?.sequence ?? 0;
    // They are read once more: where a stream was put back to an older state and written on, they are others.
    const lastTaken = position?.lastTaken;
    const last = lastTaken?.at(-1);
    const taken = new Map(lastTaken?.map(({ sequence, storedAt }) => [sequence, storedAt]));
    const from = lastTaken ? (lastTaken[0]?.sequence ?? 1) : applied + 1;
    const { first_seq: first, last_seq: lastSequence } = info.state;
    // A home archives nothing that has no copy, but which copy comes first?
    if (archive && isCopy && from < first) await requireCurrent(jsm, archive, first);
    const archivedTo = (archive && from < first && (await segmentAt(jsm, archive, 'last'))?.last) || 0;
    const keepsAll = info.config.max_msgs_per_subject <= 0;
    if (last && keepsAll && first > Math.max(last.sequence, archivedTo + 1)) return target.replaced('it was purged');
    const failed = new AbortController();
    const run = (messages: StoredMessage[]): void => {
      if (failed.signal.aborted) return;
      const { sequence, storedAt } = messages.at(-1) as StoredMessage;
      this.lag = behind;
      this.appliedUpTo = storedAt;
      try {
        target.apply(messages, created);
        if (behind === 0) target.caughtUp(created, sequence);
      } catch (error) {
        failed.abort(error);
      }
    };
    /** Messages behind the last one that waits to be applied. */
    let behind = 0;
    const batcher = new Batcher<StoredMessage>({ run, maxBytes, sizeOf, lingerMs });
    const begin = (pending: number): void => {
      this.lag = behind = pending;
      if (pending > 0) return;
      // The last of the archive may still wait.
      batcher.flush();
      failed.signal.throwIfAborted();
      target.caughtUp(created, lastSequence);
    };
    const take = (message: StoredMessage, pending: number): boolean => {
      if (message.sequence > applied) {
        batcher.add(message, pending > 0);
        behind = pending;
      } else if ((!isCopy || taken.has(message.sequence)) && message.storedAt !== taken.get(message.sequence)) {
        target.replaced('it holds other messages, as after a return to an older state');
        return false;
      } else if (pending === 0) begin(pending);
      return !failed.signal.aborted;
    };
    try {
      const signal = AbortSignal.any([ended, failed.signal]);
      await readMessages(link, { info, from, filter, name, archive, ended: signal, take, begin });
      failed.signal.throwIfAborted();
    } finally {
      // What has not been applied the next consumer delivers again.
      failed.abort();
    }
  }
}

interface Reading extends Pick<StreamReaderOptions, 'filter' | 'archive'> {
  /** What the stream is, and held when it was looked at. */
  info: StreamInfo;
  from: number;
  /** What the name of the consumer begins with. */
  name: string;
  ended: AbortSignal;
  /** Takes a message; `pending` are behind it. Returns whether to go on. */
  take(message: StoredMessage, pending: number): boolean;
  /** So many messages are in the stream: reading of them begins. */
  begin(pending: number): void;
}

/** Archived messages between which others get their turn. */
const atOnce = 500;
/**
 * Messages on their way, and their bytes: all that the connection is used for waits behind them, such as the readers of other
 * streams, for as long as it takes to apply them.
 */
const mostMessages = 4000;
const mostBytes = 2_000_000;

async function readArchived({ jsm }: Link, reading: Reading, archive: Archive, before: number): Promise<boolean> {
  const { info, from, filter, ended, take } = reading;
  const pattern = patternOf(filter);
  for await (const segment of segmentsFrom(jsm, archive, from)) {
    if (segment.first >= before) break;
    for (const [index, message] of (await messagesOf(segment, info.config.name)).entries()) {
      const { sequence, subject } = message;
      if (index % atOnce === 0) await nextTurn();
      if (ended.aborted) return false;
      if (sequence < from || sequence >= before || !pattern.test(subject)) continue;
      if (!take(message, Math.max(1, info.state.last_seq - sequence))) return false;
    }
  }
  return true;
}

/** Reads until the signal, or until a message is not taken. @throws where reading has to begin again */
async function readMessages(link: Link, reading: Reading): Promise<void> {
  const { jsm } = link;
  const { info, filter, name, archive, ended, take, begin } = reading;
  const from = Math.max(reading.from, info.state.first_seq);
  if (archive && from > reading.from && !(await readArchived(link, reading, archive, from))) return;
  const stream = info.config.name;
  const consumer = await consumerFrom(link, stream, { from, filter, name });
  const { bytes, messages: stored } = info.state;
  begin(consumer.num_pending);
  const most = Math.min(mostMessages, Math.ceil((mostBytes * stored) / bytes) || mostMessages);
  const messages = await consume(link, consumer, most);
  using _ = addAbortListener(ended, () => messages.stop());
  void endWithConsumer(messages, () => jsm.consumers.info(stream, consumer.name));
  try {
    let delivered = 0;
    let next = from;
    for await (const message of messages) {
      // A gap in the delivery sequence is a lost message; gaps of the stream sequence are normal, unless they are archived.
      if (message.info.deliverySequence !== ++delivered) throw new Error('a message was lost on the way');
      if (archive && message.seq > next) {
        // Moved meanwhile; or a copy was made anew while its home archived, and lacks what was removed before it was copied.
        if (info.config.mirror) await requireCurrent(jsm, archive, message.seq);
        if (!(await readArchived(link, { ...reading, from: next }, archive, message.seq))) break;
      }
      next = message.seq + 1;
      if (!take(storedMessage(message), message.info.pending)) break;
    }
  } finally {
    messages.stop();
  }
}

/** A lost broker of several may have had the consumer. The others know of it, and wait for that broker: the client waits with them. */
async function endWithConsumer(messages: ConsumerMessages, ask: () => Promise<unknown>): Promise<void> {
  for await (const { type } of messages.status()) {
    if (type === 'heartbeats_missed') await ask().catch((error: Error) => messages.stop(error));
  }
}
