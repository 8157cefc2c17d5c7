/**
 * One database of a view, with the feeds that fill it: from opening to closing, or to being thrown away. It is written
 * here, in the thread of views; queries read it through a connection of their own (view.ts).
 */
import { statSync } from 'node:fs';
import type { Connection } from '../broker/connection.ts';
import type { StoredMessage } from '../broker/event-codec.ts';
import type { StreamPosition } from '../broker/stream-identity.ts';
import { type Seen, StreamReader } from '../broker/stream-reader.ts';
import { messageOf } from '../operations/errors.ts';
import type { Logger } from '../process/log.ts';
import { CommittedVersion } from './cache.ts';
import { Checkpoint } from './checkpoints.ts';
import { type Database, isCorrupt, isEnvironmental, removeDatabase } from './database.ts';
import { DeadLetterOutbox } from './dead-letter-outbox.ts';
import { Fingerprint } from './fingerprint.ts';
import type { Moved, StreamProgress } from './messages.ts';
import { type Applied, Projector, type ViewProjections } from './projection.ts';
import { isComplete, openViewFile, setComplete } from './view-file.ts';

let lastId = 0;

export interface GenerationParts {
  name: string;
  definition: ViewProjections;
  /** Pages of a log that make a checkpoint worth its time (file-mark.ts). */
  checkpointPages: number;
  connection: Connection;
  log: Logger;
}

/** What the keeper hears of. */
export interface GenerationEvents {
  /** Rows have changed, or the position in a stream has moved. */
  moved(moved: Moved): void;
  /** A stream is read from anew, and may be behind. */
  behind(): void;
  /** All streams have been read to their ends. */
  caughtUp(): void;
  /** A message went to DEADLETTERS. */
  deadLettered(stream: string): void;
  /** What the file holds cannot be trusted. */
  broken(reason: string): void;
}

export class Generation {
  readonly id = ++lastId;
  readonly file: string;
  readonly projectors: Projector[];
  readonly version = new CommittedVersion();
  /** Streams that have not been read to their ends since the last trouble with them. */
  readonly behind: Set<string>;
  readonly #db: Database;
  readonly #parts: GenerationParts;
  readonly #mark: Fingerprint;
  #aside: DeadLetterOutbox | undefined;
  #feeds: StreamReader[] = [];
  #complete: boolean;
  #closed = false;
  #detached = false;

  private constructor(file: string, db: Database, mark: Fingerprint, parts: GenerationParts) {
    const projections = parts.definition.prepare(db);
    this.file = file;
    this.projectors = projections.map(
      (projection) => new Projector(db, projection, this.version, parts.connection.telemetry.tracer),
    );
    this.behind = new Set(projections.map(({ stream }) => stream));
    this.#db = db;
    this.#complete = isComplete(db);
    this.#parts = parts;
    this.#mark = mark;
    // What cannot be read now must not be found out in the middle of something else.
    for (const projector of this.projectors) projector.position();
  }

  /** Opens a file, made where it is missing. @throws Error when it is damaged, or cannot be read, written or migrated. */
  static open(file: string, parts: GenerationParts): Generation {
    const mark = new Fingerprint(file, parts.checkpointPages, (open) => new Checkpoint(open));
    return openViewFile(file, mark, parts.definition.migrations, (db) => new Generation(file, db, mark, parts));
  }

  /** As `open`; a file that is at fault itself, and not the disk that it is on, is replaced by a new one. */
  static openSound(file: string, parts: GenerationParts): Generation {
    try {
      return Generation.open(file, parts);
    } catch (error) {
      if (isEnvironmental(error)) throw error;
      parts.log.warn({ file, reason: messageOf(error) }, 'the file cannot be used and is built again');
      removeDatabase(file);
      return Generation.open(file, parts);
    }
  }

  /** Whether it has caught up with its streams once. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Whether its file was deleted. The open file goes on working unseen until the next start. */
  get fileIsGone(): boolean {
    return !this.#detached && !statSync(this.file, { throwIfNoEntry: false });
  }

  /** Whether somebody else has written to its file. */
  get fileIsTouched(): boolean {
    return !this.#detached && !this.#closed && this.#mark.touched();
  }

  position(stream: string): StreamPosition | undefined {
    if (this.#closed) return undefined;
    return this.projectors.find(({ projection }) => projection.stream === stream)?.position();
  }

  /** Where it is in each stream. */
  progress(): StreamProgress[] {
    return this.projectors.map((_, index) => this.#progressOf(index));
  }

  /** Begins to read the streams. */
  start(events: GenerationEvents): void {
    const { name: consumer, connection, log } = this.#parts;
    this.#aside = new DeadLetterOutbox({
      db: this.#db,
      projectors: this.projectors,
      consumer,
      connection,
      log,
      version: this.version,
      applied: (projector) => this.#moved(this.projectors.indexOf(projector), events),
      deadLettered: events.deadLettered,
    });
    this.#feeds = this.projectors.map((projector, index) => {
      const { stream, filter } = projector.projection;
      return new StreamReader({
        stream,
        filter,
        connection,
        log,
        target: {
          position: () => this.#guard(events, () => projector.position()),
          apply: (messages, seen) => this.#apply(index, messages, seen, events),
          behind: () => {
            this.behind.add(stream);
            events.behind();
          },
          caughtUp: (created, lastSequence) => this.#caughtUp(index, created, lastSequence, events),
          replaced: (reason) => events.broken(`the stream ${stream} is another one: ${reason}`),
        },
      });
    });
    this.#aside.wake();
  }

  /** Its file is no longer at its path, and another may come there: leave that one alone. */
  detach(): void {
    this.#mark.settle();
    this.#detached = true;
  }

  /** Takes nothing more, while somebody may still read from it. */
  halt(): void {
    this.#closed = true;
  }

  /** Closes the file, which stays, and stops reading: the broker may be slow, and the process may be ended meanwhile. */
  async close(): Promise<void> {
    const stopped = this.#stop();
    try {
      if (this.#detached) this.#db.$client.close();
      else if (this.#db.$client.open) this.#mark.written(() => this.#db.$client.close());
    } finally {
      await stopped;
    }
  }

  /** Closes the file at once and removes it; resolves when nothing reads for it any more. */
  discard(): Promise<void> {
    this.#closed = true;
    this.#mark.settle();
    try {
      this.#db.$client.close();
    } catch (error) {
      this.#parts.log.warn({ reason: messageOf(error) }, 'the old file cannot be closed');
    }
    if (!this.#detached) removeDatabase(this.file);
    return this.#stop();
  }

  async #stop(): Promise<void> {
    this.#closed = true;
    this.#aside?.[Symbol.dispose]();
    await Promise.all(this.#feeds.map((feed) => feed[Symbol.asyncDispose]()));
  }

  #apply(index: number, messages: StoredMessage[], { created, ...feed }: Seen, events: GenerationEvents): void {
    const projector = this.projectors[index] as Projector;
    const mark = this.#detached ? undefined : this.#mark;
    this.#guard(events, () => {
      const before = projector.position();
      let applied: Applied;
      try {
        applied = projector.apply(messages, created);
      } catch (error) {
        // Some may have been taken one by one.
        if (projector.position() !== before) this.#moved(index, events);
        this.#relieve(error);
        throw error;
      }
      this.#moved(index, events, { applied, ...feed });
      mark?.applied(this.#db, messages.length, this.#complete);
    });
    this.#aside?.wake();
  }

  /** It may be the log that fills the disk, and without a transaction nothing else would ever shorten it. */
  #relieve(error: unknown): void {
    if (isEnvironmental(error) && !this.#detached) this.#mark.relieve(this.#db);
  }

  /** @param seen what a batch says of the stream; elsewhere its feed knows */
  #moved(index: number, { moved }: GenerationEvents, seen: Partial<Moved & StreamProgress> = {}): void {
    const { applied, ...feed } = seen;
    const progress = { ...this.#progressOf(index), ...feed };
    moved({ generation: this.id, progress, applied });
  }

  #progressOf(index: number): StreamProgress {
    const { projection } = this.projectors[index] as Projector;
    const { lag = 0, appliedUpTo = Date.now() } = this.#feeds[index] ?? {};
    return { stream: projection.stream, position: this.position(projection.stream), lag, appliedUpTo };
  }

  #caughtUp(index: number, created: string, lastSequence: number, events: GenerationEvents): void {
    const projector = this.projectors[index] as Projector;
    this.#guard(events, () => {
      if (projector.skipTo(lastSequence, created)) this.#moved(index, events);
    });
    this.behind.delete(projector.projection.stream);
    if (this.behind.size > 0) return;
    if (!this.#complete) setComplete(this.#db);
    this.#complete = true;
    events.caughtUp();
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
