/**
 * One database file of a view together with the stream readers that fill it. It runs in the view worker; queries read
 * the file from the main thread through a connection of their own (view.ts).
 */
import { archivedKinds, archiveOf } from '../broker/archive.ts';
import type { StoredMessage } from '../broker/event-codec.ts';
import { explainLoss, type Loss } from '../broker/lost-stream.ts';
import { StreamReader, type StreamTarget } from '../broker/stream-reader.ts';
import { messageOf } from '../operations/errors.ts';
import { streamsOfKind } from '../process/sites.ts';
import { copyDatabase, isCorrupt, isEnvironmental, prepareStatements, removeDatabase } from './database.ts';
import { outboxOf } from './dead-letter-outbox.ts';
import { type FileStatus, WatchedDatabase } from './fingerprint.ts';
import type { Projection } from './projection.ts';
import { Projector } from './projector.ts';
import type { Applied, StreamProgress, ViewContext } from './view-client.ts';
import { isComplete, prepareTables, setComplete } from './view-file.ts';

interface Owner {
  /** Called when the generation's state changes; `applied` describes the batch when one was just applied. */
  changed(generation: Generation, applied?: Applied): void;
  /** Called when the file can no longer be trusted. */
  broken(reason: string): void;
}

/** Target time of a checkpoint, because it delays the next transaction. Slow checkpoints are made after fewer pages. */
const maxCheckpointMs = 40;
/** During a build nothing waits for the next transaction, so checkpoints are made after this many times more pages. */
const buildCheckpointFactor = 2.5;
/** Deferred rows (Projection.flush) are written after this long without events, or once more than `maxPending` wait. */
const idleMs = 100;
const maxPending = 100_000;
/** Pause between two pieces of background work, so that events are applied in between. */
const pauseMs = 5;
const retryMs = 1000;

export class Generation {
  readonly file: string;
  /** Whether the build was finished, so that queries may be answered from the file. */
  complete: boolean;
  readonly #view: ViewContext;
  readonly #owner: Owner;
  readonly #watched: WatchedDatabase;
  readonly #streams: Projector[];
  readonly #projections: Projection[];
  readonly #outbox: ReturnType<typeof outboxOf>;
  #workTimer: NodeJS.Timeout | undefined;
  /** The last step done at the end of the build; undefined before and after. */
  finishing: string | undefined;
  #closed = false;
  /** When the next failure is logged, by performance.now(). */
  #nextWarning = 0;

  /**
   * Opens a file, creating it if it is missing.
   * @param verified whether the file's digest has been checked, so that the full integrity check can be skipped
   * @throws Error if the file is damaged, modified or unusable, or the migrations or projections do not fit it
   */
  constructor(file: string, view: ViewContext, owner: Owner, verified = false) {
    const { definition, config, connection } = view;
    this.file = file;
    this.#view = view;
    this.#owner = owner;
    this.#watched = new WatchedDatabase(file, verified);
    const { db } = this.#watched;
    try {
      prepareTables(db, definition.migrations);
      this.complete = isComplete(db);
      this.#projections = prepareStatements(db, () => definition.prepare(db, config));
      this.#outbox = outboxOf(db, view);
      this.#streams = this.#projections.flatMap((projection) =>
        streamsOfKind(projection.stream, connection.sites).map(
          (source) => new Projector(view, this.#watched, projection, source),
        ),
      );
    } catch (error) {
      this.#watched.abandon();
      throw error;
    }
    this.#outbox.wake();
  }

  startReading(): void {
    for (const projector of this.#streams) projector.reader ??= this.#readerFor(projector);
  }

  get streams(): StreamProgress[] {
    return this.#streams.map(({ progress }) => progress);
  }

  /** Rows that projections have deferred. */
  get pending(): number {
    return this.#projections.reduce((sum, { pending = 0 }) => sum + pending, 0);
  }

  checkFiles(): FileStatus {
    return this.#closed ? 'unchanged' : this.#watched.status();
  }

  /** Writes deferred rows: those that `request` needs, or some if there is no request. @returns false if that failed */
  flush(request?: unknown): boolean {
    return this.#attempt('writing deferred rows failed', () => {
      for (const projection of this.#projections) if (projection.pending) projection.flush?.(request);
    });
  }

  /** Whether the file is complete and up to date with every stream. */
  get caughtUp(): boolean {
    return this.complete && this.#streams.every(({ state }) => state === 'caughtUp');
  }

  /** Copies a consistent state to a new file. @throws Error if the disk fails, on closing, or if `signal` is aborted */
  copyTo(file: string, signal: AbortSignal): Promise<void> {
    return copyDatabase(this.#watched.db, file, signal);
  }

  /** Closes the file first and then waits for the readers, since the process may be killed while the broker is slow. */
  async close(): Promise<void> {
    const stopped = this.#stop();
    try {
      this.#watched.close();
    } finally {
      await stopped;
    }
  }

  /** Closes and deletes the file at once. Open connections can still read it. Resolves when reading has stopped. */
  discard(): Promise<void> {
    const stopped = this.#stop();
    try {
      this.#watched.abandon();
      removeDatabase(this.file);
    } catch (error) {
      this.#view.log.warn({ file: this.file, reason: messageOf(error) }, 'removing the old view file failed');
    }
    return stopped;
  }

  #readerFor(projector: Projector): StreamReader {
    const { stream, projection } = projector;
    const { connection, log } = this.#view;
    const target: StreamTarget = {
      position: () => projector.position,
      apply: (messages, created) => this.#apply(projector, messages, created),
      behind: (loss) => this.#behind(projector, loss),
      caughtUp: (created, lastSequence) => this.#caughtUp(projector, created, lastSequence),
      replaced: (reason) => this.#owner.broken(`the stream ${stream} was replaced: ${reason}`),
    };
    const { filter, stream: kind } = projection;
    const archive = archivedKinds.includes(kind) ? archiveOf(kind, stream) : undefined;
    return new StreamReader({ stream, filter, archive, connection, log, target });
  }

  async #stop(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#workTimer);
    this.#outbox[Symbol.dispose]();
    await Promise.all(this.#streams.map(({ reader }) => reader?.[Symbol.asyncDispose]()));
  }

  #behind(projector: Projector, loss: Loss | undefined): void {
    const { stream, isCopy, position, loss: before } = projector;
    // A missing copy does not stop the view: all that it held has been applied, and it can be copied again.
    const missing = loss && position ? 'caughtUp' : 'behind';
    projector.state = isCopy ? missing : 'unverified';
    if (loss) {
      // The loss is kept until messages are applied again, since a restarted reader does not know it yet.
      projector.loss = explainLoss(stream, loss, isCopy ? 0 : (position?.sequence ?? 0));
      if (projector.loss !== before) this.#view.log.error({ stream }, projector.loss);
    }
    this.#owner.changed(this);
  }

  #apply(projector: Projector, messages: StoredMessage[], created: string): void {
    this.#guard(() => {
      if (projector.state === 'unverified') projector.state = 'behind';
      projector.loss = undefined;
      let applied: Applied | undefined;
      try {
        applied = projector.apply(messages, created);
      } finally {
        // Also on failure, because some messages may have been applied one by one.
        this.#owner.changed(this, applied);
      }
      this.#checkpointIfDue();
    });
    this.#outbox.wake();
    while (this.pending > maxPending && this.flush());
    if (this.complete) this.#scheduleWork(idleMs);
  }

  /** Schedules a piece of background work: a step of finishing the build, or later a flush of deferred rows. */
  #scheduleWork(ms: number): void {
    clearTimeout(this.#workTimer);
    if (this.#closed || (this.complete && !this.pending)) return;
    this.#workTimer = setTimeout(() => {
      const flushing = this.complete;
      const done = flushing ? this.flush() : this.#finishStep();
      if (!flushing || !this.pending) this.#owner.changed(this);
      this.#scheduleWork(done ? pauseMs : retryMs);
    }, ms);
  }

  /** Does one step of Projection.complete, and marks the file complete after the last. @returns false if that failed */
  #finishStep(): boolean {
    const { db } = this.#watched;
    const done = this.#attempt('finishing the view failed', () => {
      let step: string | undefined;
      db.$client.transaction(() => {
        for (const projection of this.#projections) step ??= projection.complete?.();
        if (step === undefined) setComplete(db);
      })();
      this.finishing = step;
      this.complete = step === undefined;
    });
    if (!done) for (const projection of this.#projections) projection.abandon?.();
    return done;
  }

  #attempt(failed: string, work: () => void): boolean {
    if (this.#closed) return false;
    try {
      this.#guard(work);
      this.#checkpointIfDue();
      return true;
    } catch (error) {
      // On a full disk every request fails, and the log may be on that disk.
      if (performance.now() >= this.#nextWarning) {
        this.#view.log.warn({ reason: messageOf(error) }, `${failed}; retrying`);
        this.#nextWarning = performance.now() + retryMs;
      }
      return false;
    }
  }

  #checkpointIfDue(): void {
    const { checkpointPages } = this.#view.config;
    if (this.complete) this.#watched.checkpointIfDue(checkpointPages, maxCheckpointMs);
    else this.#watched.checkpointIfDue(checkpointPages * buildCheckpointFactor);
  }

  #caughtUp(projector: Projector, created: string, lastSequence: number): void {
    this.#guard(() => {
      const { state, position } = projector;
      projector.skipTo(lastSequence, created);
      // Nothing has changed since the owner was last notified.
      if (state === 'caughtUp' && projector.position === position) return;
      projector.state = 'caughtUp';
      projector.loss = undefined;
      if (!this.complete && !this.finishing && this.#streams.every(({ state }) => state === 'caughtUp')) {
        this.finishing = 'read all streams';
        this.#scheduleWork(0);
      }
      this.#owner.changed(this);
    });
  }

  /** Runs `work` on the open file. Reports a corrupt file to the owner, and tries to free space after a disk error. */
  #guard(work: () => void): void {
    if (this.#closed) throw new Error('the view was closed');
    try {
      work();
    } catch (error) {
      if (isCorrupt(error)) this.#owner.broken(`the file is corrupt: ${messageOf(error)}`);
      // The WAL may be what fills the disk, and while transactions fail nothing else would shorten it.
      if (isEnvironmental(error)) this.#watched.checkpointOnFullDisk();
      throw error;
    }
  }
}
