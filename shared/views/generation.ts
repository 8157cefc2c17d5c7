/**
 * One file of a view with the stream readers that fill it: from its opening until it is closed, or thrown away. It is written
 * here, in the view worker; queries read it through a connection of their own (view.ts).
 */
import { archiveOf } from '../broker/archive.ts';
import type { StoredMessage } from '../broker/event-codec.ts';
import { explainLoss, type Loss } from '../broker/lost-stream.ts';
import { StreamReader, type StreamTarget } from '../broker/stream-reader.ts';
import { messageOf } from '../operations/errors.ts';
import { streamsOfKind } from '../process/sites.ts';
import { copyDatabase, isCorrupt, isEnvironmental, preparing, removeDatabase } from './database.ts';
import { outboxOf } from './dead-letter-outbox.ts';
import { type Look, WatchedDatabase } from './fingerprint.ts';
import type { Projection } from './projection.ts';
import { Projector } from './projector.ts';
import { isComplete, prepareTables, setComplete } from './view-file.ts';
import type { Applied, KeptView, StreamProgress } from './view-thread.ts';

interface Owner {
  /** Something of what it says of itself has; with what was applied, where a batch of a stream's events was. */
  changed(generation: Generation, applied?: Applied): void;
  /** What the file holds cannot be trusted. */
  broken(reason: string): void;
}

/** Who waits for a transaction waits for a checkpoint before it: where they get slower they are made of fewer pages. */
const mostCheckpointMs = 40;
/** Nobody waits for the next transaction while a view is built: a longer log is copied less often. */
const pagesWhileBuilt = 2.5;
/** Rows that projections leave for later are written when nothing was applied for so long, and where more things wait for theirs. */
const idleMs = 100;
const mostPending = 100_000;
const pauseMs = 5;
/** What failed, as on a full disk, is tried again after it. */
const tryAgainMs = 1000;

export class Generation {
  readonly file: string;
  /** Whether it has caught up with its streams once. */
  complete: boolean;
  readonly #view: KeptView;
  readonly #owner: Owner;
  readonly #watched: WatchedDatabase;
  readonly #streams: Projector[];
  readonly #projections: Projection[];
  readonly #outbox: ReturnType<typeof outboxOf>;
  #workTimer: NodeJS.Timeout | undefined;
  /** What is being done at the end of its building. */
  finishing: string | undefined;
  #closed = false;

  /**
   * Opens a file, made where it is missing.
   * @param sound it is known to be, by its digest
   * @throws Error when it is damaged, modified, or cannot be read, written or migrated, or the projections do not fit it
   */
  constructor(file: string, view: KeptView, owner: Owner, sound = false) {
    const { definition, config, connection } = view;
    this.file = file;
    this.#view = view;
    this.#owner = owner;
    this.#watched = new WatchedDatabase(file, sound);
    const { db } = this.#watched;
    try {
      prepareTables(db, definition.migrations);
      this.complete = isComplete(db);
      this.#projections = preparing(db, () => definition.prepare(db, config));
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

  read(): void {
    for (const projector of this.#streams) projector.reader ??= this.#readerFor(projector);
  }

  get streams(): StreamProgress[] {
    return this.#streams.map(({ progress }) => progress);
  }

  get pending(): number {
    return this.#projections.reduce((sum, { pending = 0 }) => sum + pending, 0);
  }

  look(): Look {
    return this.#closed ? 'own' : this.#watched.look();
  }

  /** Writes some of the rows that projections have left for later, or those that a request needs. @returns false where that fails */
  flush(request?: unknown): boolean {
    return this.#attempt('rows that were left for later cannot be written', () => {
      for (const projection of this.#projections) if (projection.pending) projection.flush?.(request);
    });
  }

  /** Whether all that its streams held when they were last looked at is in it. */
  get caughtUp(): boolean {
    return this.complete && this.#streams.every(({ state }) => state === 'caughtUp');
  }

  /**
   * Copies it, as it is behind some transaction, to a file that is yet to be made, a little in each turn of the event loop.
   * @throws an error of the disk; Error when it is closed meanwhile, and when `signal` is aborted
   */
  copyTo(file: string, signal: AbortSignal): Promise<void> {
    return copyDatabase(this.#watched.db, file, signal);
  }

  /** Closes the file, which stays, and stops reading: the broker may be slow, and the process may be ended meanwhile. */
  async close(): Promise<void> {
    const stopped = this.#stop();
    try {
      this.#watched.close();
    } finally {
      await stopped;
    }
  }

  /** Closes the file at once and removes it; resolves when nothing reads for it any more. Whoever still has it open may read on. */
  discard(): Promise<void> {
    const stopped = this.#stop();
    try {
      this.#watched.abandon();
      removeDatabase(this.file);
    } catch (error) {
      this.#view.log.warn({ file: this.file, reason: messageOf(error) }, 'the old file cannot be removed');
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
      replaced: (reason) => this.#owner.broken(`the stream ${stream} is another one: ${reason}`),
    };
    const { filter, archived, stream: kind } = projection;
    const archive = archived ? archiveOf(kind, stream) : undefined;
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
    // A copy that is missing is no reason to stop: it can be fetched again, and all that it held has been taken.
    const missing = loss && position ? 'caughtUp' : 'behind';
    projector.state = isCopy ? missing : 'unsure';
    if (loss) {
      // It stays until the stream has been read on: a reader that begins again does not know yet.
      projector.loss = explainLoss(stream, loss, isCopy ? 0 : (position?.sequence ?? 0));
      if (projector.loss !== before) this.#view.log.error({ stream }, projector.loss);
    }
    this.#owner.changed(this);
  }

  #apply(projector: Projector, messages: StoredMessage[], created: string): void {
    this.#guard(() => {
      if (projector.state === 'unsure') projector.state = 'behind';
      projector.loss = undefined;
      let applied: Applied | undefined;
      try {
        applied = projector.apply(messages, created);
      } finally {
        // Where it fails, some may have been taken one by one.
        this.#owner.changed(this, applied);
      }
      this.#shortenLog();
    });
    this.#outbox.wake();
    while (this.pending > mostPending && this.flush());
    if (this.complete) this.#workIn(idleMs);
  }

  /** Between two pieces of work messages are applied, to this view and to others. */
  #workIn(ms: number): void {
    clearTimeout(this.#workTimer);
    if (this.#closed || (this.complete && !this.pending)) return;
    this.#workTimer = setTimeout(() => {
      const flushing = this.complete;
      const done = flushing ? this.flush() : this.#finish();
      if (!flushing || !this.pending) this.#owner.changed(this);
      this.#workIn(done ? pauseMs : tryAgainMs);
    }, ms);
  }

  /** Does a piece of what is cheaper once for the whole view. @returns false where that fails */
  #finish(): boolean {
    const { db } = this.#watched;
    const done = this.#attempt('the view cannot be finished', () => {
      let left: string | undefined;
      db.$client.transaction(() => {
        for (const projection of this.#projections) left ??= projection.complete?.();
        if (left === undefined) setComplete(db);
      })();
      this.finishing = left;
      this.complete = left === undefined;
    });
    if (!done) for (const projection of this.#projections) projection.abandon?.();
    return done;
  }

  #attempt(failed: string, work: () => void): boolean {
    if (this.#closed) return false;
    try {
      this.#guard(work);
      this.#shortenLog();
      return true;
    } catch (error) {
      this.#view.log.warn({ reason: messageOf(error) }, `${failed}, trying on`);
      return false;
    }
  }

  #shortenLog(): void {
    const { checkpointPages } = this.#view.config;
    if (this.complete) this.#watched.committed(checkpointPages, mostCheckpointMs);
    else this.#watched.committed(checkpointPages * pagesWhileBuilt);
  }

  #caughtUp(projector: Projector, created: string, lastSequence: number): void {
    this.#guard(() => {
      const { state, position } = projector;
      projector.skipTo(lastSequence, created);
      // It has been said with what was applied.
      if (state === 'caughtUp' && projector.position === position) return;
      projector.state = 'caughtUp';
      projector.loss = undefined;
      if (!this.complete && !this.finishing && this.#streams.every(({ state }) => state === 'caughtUp')) {
        this.finishing = 'the streams have been read';
        this.#workIn(0);
      }
      this.#owner.changed(this);
    });
  }

  #guard(work: () => void): void {
    if (this.#closed) throw new Error('the view was closed');
    try {
      work();
    } catch (error) {
      if (isCorrupt(error)) this.#owner.broken(`the file is broken: ${messageOf(error)}`);
      // It may be the log that fills the disk, and without a transaction nothing else would ever shorten it.
      if (isEnvironmental(error)) this.#watched.relieve();
      throw error;
    }
  }
}
