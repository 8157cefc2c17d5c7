/**
 * One file of a view with the stream readers that fill it: from its opening until it is closed, or thrown away. It is written
 * here, in the view worker; queries read it through a connection of their own (view.ts).
 */
import type { Connection } from '../broker/connection.ts';
import type { StoredMessage } from '../broker/event-codec.ts';
import { type Seen, StreamReader } from '../broker/stream-reader.ts';
import { messageOf } from '../operations/errors.ts';
import type { Logger } from '../process/log.ts';
import { CommittedVersion } from './cache.ts';
import { type Database, isCorrupt, isEnvironmental, preparing, removeDatabase } from './database.ts';
import { DeadLetterOutbox } from './dead-letter-outbox.ts';
import { Fingerprint, type Look } from './fingerprint.ts';
import type { FromWorker, Served, StreamProgress } from './messages.ts';
import { Projector, type ViewProjections } from './projection.ts';
import { isComplete, openViewFile, setComplete } from './view-file.ts';

export interface GenerationParts {
  name: string;
  definition: ViewProjections;
  /** Pages of a log that make a checkpoint worth its time. */
  checkpointPages: number;
  connection: Connection;
  log: Logger;
}

/** What the manager hears of a generation. */
export interface GenerationEvents {
  /** Something for whoever reads the file. */
  tell(message: FromWorker): void;
  /** A stream is read from anew, and may be behind. */
  behind(): void;
  /** All streams have been read to their ends. */
  caughtUp(): void;
  /** What the file holds cannot be trusted. */
  broken(reason: string): void;
}

/** Nobody waits for the next transaction while a view is built: a longer log is copied less often. */
const pagesWhileBuilt = 2.5;
/** Rows that projections leave for later are written after so long, or at once where more than so many things wait for theirs. */
const flushAfterMs = 1000;
const mostPending = 1000;
const mostPendingWhileBuilt = 50_000;

export class Generation {
  readonly file: string;
  readonly #db: Database;
  readonly #parts: GenerationParts;
  readonly #fingerprint: Fingerprint;
  readonly #projectors: Projector[];
  readonly #version = new CommittedVersion();
  /** Streams that have not been read to their ends since the last trouble with them. */
  readonly #behind = new Set<string>();
  #outbox: DeadLetterOutbox | undefined;
  #readers: StreamReader[] = [];
  #flushTimer: NodeJS.Timeout | undefined;
  #complete: boolean;
  #closed = false;

  private constructor(file: string, db: Database, fingerprint: Fingerprint, parts: GenerationParts) {
    const { connection, definition, log } = parts;
    this.file = file;
    this.#db = db;
    this.#parts = parts;
    this.#fingerprint = fingerprint;
    this.#complete = isComplete(db);
    const requireOwnFile = (): void => {
      if (this.look() === 'modified') throw new Error('somebody else has changed the file');
    };
    const common = { db, version: this.#version, log, tracer: connection.telemetry.tracer, requireOwnFile };
    this.#projectors = preparing(db, () => definition.prepare(db)).map(
      (projection) => new Projector({ ...common, projection }),
    );
    for (const projector of this.#projectors) {
      this.#behind.add(projector.projection.stream);
      // What cannot be read now must not be found out in the middle of something else.
      projector.position();
    }
  }

  /**
   * Opens a file, made where it is missing.
   * @throws Error when it is damaged, modified, or cannot be read, written or migrated, or the projections do not fit it
   */
  static open(file: string, parts: GenerationParts): Generation {
    const fingerprint = new Fingerprint(file);
    const use = (db: Database): Generation => new Generation(file, db, fingerprint, parts);
    return openViewFile(file, fingerprint, parts.definition.migrations, use);
  }

  /** Whether it has caught up with its streams once. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Whether some stream has not been read to its end since the last trouble with it. */
  get behind(): boolean {
    return this.#behind.size > 0;
  }

  /** How its files are. */
  look(): Look {
    return this.#closed ? 'own' : this.#fingerprint.look(this.#db);
  }

  /** What a reader needs to know of it. */
  served(): Served {
    return { file: this.file, progress: this.#progress(), pending: this.#pending > 0, version: this.#version.counter };
  }

  /** Begins to read the streams. */
  start(events: GenerationEvents): void {
    const { name: consumer, connection, log } = this.#parts;
    const sent = (stream: string): void => events.tell({ kind: 'deadLettered', stream });
    this.#outbox = new DeadLetterOutbox({ db: this.#db, consumer, connection, log, sent });
    this.#readers = this.#projectors.map((projector) => {
      const { stream, filter } = projector.projection;
      return new StreamReader({
        stream,
        filter,
        connection,
        log,
        target: {
          position: () => this.#guard(events, () => projector.position()),
          lastTaken: () => projector.lastTaken,
          apply: (messages, seen) => this.#apply(projector, messages, seen, events),
          behind: () => {
            this.#behind.add(stream);
            events.tell({ kind: 'progress', file: this.file, progress: this.#progress(), pending: this.#pending > 0 });
            events.behind();
          },
          caughtUp: (created, lastSequence) => this.#caughtUp(projector, created, lastSequence, events),
          replaced: (reason) => events.broken(`the stream ${stream} is another one: ${reason}`),
        },
      });
    });
    this.#outbox.wake();
  }

  /** Writes the rows that projections have left for later. Gives whether none are left. */
  flush(): boolean {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    if (this.#closed) return false;
    const flush = (): boolean => {
      try {
        for (const projector of this.#projectors) if (projector.projection.pending) projector.flush();
        return true;
      } catch (error) {
        if (isEnvironmental(error)) this.#relieve();
        this.#parts.log.warn(
          { reason: messageOf(error) },
          'rows that were left for later cannot be written, trying on',
        );
        return false;
      }
    };
    // Where the disk was full there may now be as much room as the log took.
    return flush() || flush();
  }

  /** Closes the file, which stays, and stops reading: the broker may be slow, and the process may be ended meanwhile. */
  async close(): Promise<void> {
    if (this.#pending > 0) this.flush();
    const stopped = this.#stop();
    try {
      if (this.#db.$client.open) this.#fingerprint.close(this.#db);
    } finally {
      await stopped;
    }
  }

  /** Closes the file at once and removes it; resolves when nothing reads for it any more. Whoever still has it open may read on. */
  discard(): Promise<void> {
    const stopped = this.#stop();
    try {
      this.#db.$client.close();
    } catch (error) {
      this.#parts.log.warn({ reason: messageOf(error) }, 'the old file cannot be closed');
    }
    this.#fingerprint.abandon();
    removeDatabase(this.file);
    return stopped;
  }

  async #stop(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#flushTimer);
    this.#outbox?.[Symbol.dispose]();
    await Promise.all(this.#readers.map((reader) => reader[Symbol.asyncDispose]()));
  }

  #apply(projector: Projector, messages: StoredMessage[], { created, ...seen }: Seen, events: GenerationEvents): void {
    this.#guard(events, () => {
      const before = projector.position();
      try {
        const applied = projector.apply(messages, created);
        this.#moved(projector, events, { applied, ...seen });
      } catch (error) {
        // Some may have been taken one by one.
        if (projector.position() !== before) this.#moved(projector, events);
        // It may be the log that fills the disk, and without a transaction nothing else would ever shorten it.
        if (isEnvironmental(error)) this.#relieve();
        throw error;
      }
      const { checkpointPages } = this.#parts;
      this.#fingerprint.committed(this.#db, this.#complete ? checkpointPages : checkpointPages * pagesWhileBuilt);
    });
    this.#outbox?.wake();
    this.#flushLater(events);
  }

  /** Things that wait for rows of theirs. */
  get #pending(): number {
    return this.#projectors.reduce((sum, { projection: { pending = 0 } }) => sum + pending, 0);
  }

  #flushLater(events: GenerationEvents): void {
    if (this.#pending === 0 || this.#closed) return;
    const flush = (): void => {
      const pending = !this.flush();
      events.tell({ kind: 'flushed', file: this.file, pending });
      if (pending) this.#flushTimer ??= setTimeout(flush, flushAfterMs);
    };
    if (this.#pending > (this.#complete ? mostPending : mostPendingWhileBuilt)) flush();
    else if (this.#complete) this.#flushTimer ??= setTimeout(flush, flushAfterMs);
  }

  #relieve(): void {
    try {
      this.#fingerprint.checkpoint(this.#db, 'TRUNCATE');
    } catch {
      // There is no room for that either: the log still holds everything, and whoever is refused next tries again.
    }
  }

  /** @param seen what a batch says of the stream; elsewhere its reader knows */
  #moved(
    projector: Projector,
    { tell }: GenerationEvents,
    { applied, ...seen }: Partial<StreamProgress> & Pick<FromWorker & { kind: 'progress' }, 'applied'> = {},
  ): void {
    const progress = [{ ...this.#progressOf(projector), ...seen }];
    tell({ kind: 'progress', file: this.file, progress, pending: this.#pending > 0, applied });
  }

  #progress(): StreamProgress[] {
    return this.#projectors.map((projector) => this.#progressOf(projector));
  }

  #progressOf(projector: Projector): StreamProgress {
    const { lag = 0, appliedUpTo = Date.now() } = this.#readers[this.#projectors.indexOf(projector)] ?? {};
    const position = this.#closed ? undefined : projector.position();
    return { stream: projector.projection.stream, position, lag, appliedUpTo };
  }

  #caughtUp(projector: Projector, created: string, lastSequence: number, events: GenerationEvents): void {
    this.#guard(events, () => {
      if (projector.skipTo(lastSequence, created)) this.#moved(projector, events);
      this.#behind.delete(projector.projection.stream);
      if (this.behind) return;
      if (!this.#complete) {
        this.flush();
        setComplete(this.#db);
      }
      this.#complete = true;
      events.caughtUp();
    });
  }

  #guard<T>(events: GenerationEvents, work: () => T): T {
    if (this.#closed) throw new Error('the view was closed');
    try {
      return work();
    } catch (error) {
      if (isCorrupt(error)) events.broken(`the file is broken: ${messageOf(error)}`);
      throw error;
    }
  }
}
