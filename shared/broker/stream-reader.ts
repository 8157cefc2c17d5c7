/**
 * Reads one stream in order from a checkpoint on, without end: first archived messages, then those in the stream, then
 * new ones.
 *
 * The client's own ordered consumer stops silently when the broker is killed while messages flow. This reader instead
 * creates an ephemeral consumer, and starts over from its checkpoint at any sign of trouble.
 */
import { addAbortListener } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ConsumerMessages, StreamInfo } from '@nats-io/jetstream';
import { messageOf } from '../operations/errors.ts';
import type { Logger } from '../process/log.ts';
import { type Archive, messagesOf, requireCurrent, segmentAt, segmentsFrom } from './archive.ts';
import { Batcher } from './batcher.ts';
import type { Connection, Link } from './connection.ts';
import { consume, createEphemeralConsumer } from './consumers.ts';
import { patternOf, type StoredMessage, storedMessage } from './event-codec.ts';
import { type Loss, lossOf, ReplacedStream } from './lost-stream.ts';
import { type Checkpoint, mayReplace, streamIdentity } from './stream-identity.ts';
import { keepRunning } from './supervisor.ts';

/** The receiver of a stream's messages. All methods are synchronous: a batch is applied when `apply` returns. */
export interface StreamTarget {
  /** Returns the position to read on from; `info` is the current state of the stream. */
  position(info: StreamInfo): Checkpoint | undefined;
  /** Applies messages in order and moves the position to the last one. `created` identifies the stream incarnation. */
  apply(messages: StoredMessage[], created: string): void;
  /** Called when reading starts over: until `caughtUp`, messages may be missing. An operator must act on a `loss`. */
  behind?(loss?: Loss): void;
  /** Called when all messages that the stream held when the reader looked have been applied. */
  caughtUp(created: string, lastSequence: number): void;
  /** Called when the position does not belong to this stream: it was created again, or has lost its last messages. */
  replaced(reason: string): void;
}

/** Maximum size of a batch, which is one transaction. Larger ones save little, and delay other streams. */
const maxBytes = 1_000_000;
/** How long a message waits for those that the broker holds after it: large transactions let a view catch up fast. */
const lingerMs = 50;
/** Counts an overhead of 200 bytes for each message. */
const sizeOf = ({ data }: StoredMessage): number => data.length + 200;

/** Whether more messages of the same atomic batch follow. Brokers before 2.15 store, sync and deliver them one by one. */
const inBatch = ({ headers }: StoredMessage): boolean =>
  'Nats-Batch-Id' in headers && !('Nats-Batch-Commit' in headers);

interface StreamReaderOptions {
  stream: string;
  filter: string;
  /** The archive with messages from before the stream's first. More may be moved there while the stream is read. */
  archive?: Archive | undefined;
  connection: Connection;
  target: StreamTarget;
  log: Logger;
}

/** Reads a stream until it is disposed, and passes messages and progress to its target. */
export class StreamReader implements AsyncDisposable {
  readonly #options: StreamReaderOptions;
  readonly #running: AsyncDisposable;
  /** Number of messages that are not applied yet, as last reported by the broker. */
  lag = 0;
  /** When the broker stored the last applied message, or at first when reading started. Milliseconds since 1970. */
  appliedUpTo = Date.now();

  constructor(options: StreamReaderOptions) {
    this.#options = options;
    const { connection, log, stream, target } = options;
    const failed = (error: unknown): void => {
      const loss = lossOf(error);
      target.behind?.(loss);
      if (connection.connected && !loss)
        log.warn({ stream, reason: messageOf(error) }, 'reading the stream failed and starts over');
    };
    this.#running = keepRunning({ connection, task: (link, ended) => this.#read(link, ended), failed });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
  }

  /** Reads by one consumer. Returns or throws when a new one must be created. */
  async #read(link: Link, ended: AbortSignal): Promise<void> {
    const { jsm } = link;
    const { stream, filter, archive, connection, target } = this.#options;
    const { name } = connection;
    target.behind?.();
    const info = await jsm.streams.info(stream);
    const position = target.position(info);
    const reason = position && replacedReason(info, position);
    if (reason) return target.replaced(reason);

    const created = streamIdentity(info);
    const isCopy = info.config.mirror !== undefined;
    const applied = position?.sequence ?? 0;
    // The last applied messages are read again: they differ after a return to an older state and new writes.
    const lastTaken = position?.lastTaken;
    const last = lastTaken?.at(-1);
    const expected = new Map(lastTaken?.map(({ sequence, storedAt }) => [sequence, storedAt]));
    const from = lastTaken ? (lastTaken[0]?.sequence ?? 1) : applied + 1;
    const { first_seq: first, last_seq: lastSequence } = info.state;
    // The copy of the archive may still lack what the home had archived before this copy of the stream was created.
    if (archive && isCopy && from < first) await requireCurrent(jsm, archive, first);
    const archivedTo = (archive && from < first && (await segmentAt(jsm, archive, 'last'))?.last) || 0;
    const keepsAll = info.config.max_msgs_per_subject <= 0;
    if (last && keepsAll && first > Math.max(last.sequence, archivedTo + 1)) return target.replaced('it was purged');
    const failed = new AbortController();
    const applyBatch = (messages: StoredMessage[]): void => {
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
    /** Number of messages that follow the last one in the batcher. */
    let behind = 0;
    const batcher = new Batcher<StoredMessage>({ run: applyBatch, maxBytes, sizeOf, lingerMs });
    const onPending = (pending: number): void => {
      this.lag = behind = pending;
      if (pending > 0) return;
      // The last messages of the archive may still be in the batcher.
      batcher.flush();
      failed.signal.throwIfAborted();
      target.caughtUp(created, lastSequence);
    };
    const onMessage = (message: StoredMessage, pending: number): boolean => {
      if (message.sequence > applied) {
        batcher.add(message, pending > 0 || inBatch(message));
        behind = pending;
      } else if ((!isCopy || expected.has(message.sequence)) && message.storedAt !== expected.get(message.sequence)) {
        target.replaced('it holds other messages, as after a return to an older state');
        return false;
      } else if (pending === 0) onPending(pending);
      return !failed.signal.aborted;
    };
    try {
      const signal = AbortSignal.any([ended, failed.signal]);
      await readMessages(link, { info, from, filter, name, archive, ended: signal, onMessage, onPending });
      failed.signal.throwIfAborted();
    } finally {
      // Drops the messages in the batcher: the next consumer delivers them again.
      failed.abort();
    }
  }
}

/**
 * Returns why a position does not belong to a stream. A copy never needs an operator, as it can be fetched again from
 * its home, and may lack its last messages after its broker was killed, which then come again.
 * @throws ReplacedStream when an operator must decide, as the target may have all that is left of the earlier stream
 */
function replacedReason(info: StreamInfo, { sequence, created }: Checkpoint): string | undefined {
  const isCopy = info.config.mirror !== undefined;
  if (sequence > 0 && created !== streamIdentity(info)) {
    if (!isCopy && !mayReplace(info)) throw new ReplacedStream('the stream was replaced by another one');
    return 'it was created again or restored';
  }
  return sequence > info.state.last_seq && !isCopy ? 'it ends before the checkpoint' : undefined;
}

interface Reading extends Pick<StreamReaderOptions, 'filter' | 'archive'> {
  /** State of the stream when reading started. */
  info: StreamInfo;
  from: number;
  /** Prefix of the consumer's name. */
  name: string;
  ended: AbortSignal;
  /** Called with each message, and the number of messages that follow it. Returns whether to go on. */
  onMessage(message: StoredMessage, pending: number): boolean;
  /** Called with the number of messages that the consumer will deliver, before the first of them. */
  onPending(pending: number): void;
}

/** Number of archived messages after which the event loop gets a turn. */
const messagesPerTurn = 500;
/**
 * Maximum messages, and bytes, that are requested ahead. All else on the connection, such as other stream readers,
 * waits until these have been applied.
 */
const maxMessagesAhead = 4000;
const maxBytesAhead = 2_000_000;

/** Reads archived messages from `reading.from` up to `before`. Returns false when reading was ended. */
async function readArchived({ jsm }: Link, reading: Reading, archive: Archive, before: number): Promise<boolean> {
  const { info, from, filter, ended, onMessage } = reading;
  const pattern = patternOf(filter);
  for await (const segment of segmentsFrom(jsm, archive, from)) {
    if (segment.first >= before) break;
    for (const [index, message] of (await messagesOf(segment, info.config.name)).entries()) {
      const { sequence, subject } = message;
      if (index % messagesPerTurn === 0) await nextTurn();
      if (ended.aborted) return false;
      if (sequence < from || sequence >= before || !pattern.test(subject)) continue;
      if (!onMessage(message, Math.max(1, info.state.last_seq - sequence))) return false;
    }
  }
  return true;
}

/** Reads until the signal is aborted or `onMessage` returns false. @throws Error when reading must start over */
async function readMessages(link: Link, reading: Reading): Promise<void> {
  const { jsm } = link;
  const { info, filter, name, archive, ended, onMessage, onPending } = reading;
  const from = Math.max(reading.from, info.state.first_seq);
  if (archive && from > reading.from && !(await readArchived(link, reading, archive, from))) return;
  const stream = info.config.name;
  const consumer = await createEphemeralConsumer(link, stream, { from, filter, name });
  const { bytes, messages: stored } = info.state;
  onPending(consumer.num_pending);
  const ahead = Math.min(maxMessagesAhead, Math.ceil((maxBytesAhead * stored) / bytes) || maxMessagesAhead);
  const messages = await consume(link, consumer, ahead);
  using _ = addAbortListener(ended, () => messages.stop());
  void stopWhenConsumerIsGone(messages, () => jsm.consumers.info(stream, consumer.name));
  try {
    let delivered = 0;
    let next = from;
    for await (const message of messages) {
      // A gap in the delivery sequence is a lost message. Gaps in the stream sequence are normal, but may be archived.
      if (message.info.deliverySequence !== ++delivered)
        throw new Error('a message was lost between broker and reader');
      if (archive && message.seq > next) {
        // The missing messages were archived meanwhile, or before this copy was created again.
        if (info.config.mirror) await requireCurrent(jsm, archive, message.seq);
        if (!(await readArchived(link, { ...reading, from: next }, archive, message.seq))) break;
      }
      next = message.seq + 1;
      if (!onMessage(storedMessage(message), message.info.pending)) break;
    }
  } finally {
    messages.stop();
  }
}

/** Checks the consumer after missed heartbeats: the client waits without end for one that a lost broker had. */
async function stopWhenConsumerIsGone(messages: ConsumerMessages, ask: () => Promise<unknown>): Promise<void> {
  for await (const { type } of messages.status()) {
    if (type === 'heartbeats_missed') await ask().catch((error: Error) => messages.stop(error));
  }
}
