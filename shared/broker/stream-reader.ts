/**
 * Reads one stream in order, from a checkpoint, for ever.
 *
 * The client's own ordered consumer stops silently when the broker is killed while messages flow. This loop makes an
 * ephemeral consumer and starts over from its checkpoint at any sign of trouble.
 */
import type { StreamInfo } from '@nats-io/jetstream';
import { messageOf } from '../operations/errors.ts';
import type { Logger } from '../process/log.ts';
import { type Archive, requireCurrent, segmentAt } from './archive.ts';
import { Batcher } from './batcher.ts';
import type { Connection, Link } from './connection.ts';
import type { StoredMessage } from './event-codec.ts';
import { type Loss, LostStream, lossOf } from './lost-stream.ts';
import { type Checkpoint, mayReplace, streamIdentity } from './stream-identity.ts';
import { readMessages } from './stream-messages.ts';
import { Supervisor } from './supervisor.ts';

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
  /** Where messages before the stream's first may be. */
  archive?: Archive | undefined;
  connection: Connection;
  target: StreamTarget;
  log: Logger;
}

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
      if (!isCopy && !mayReplace(info)) throw new LostStream('replaced');
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
      this.lag = pending;
      if (pending === 0) target.caughtUp(created, lastSequence);
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
      batcher.clear();
    }
  }
}
