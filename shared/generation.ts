/** One database of a view, with the feeds that fill it: from opening to closing, or to being thrown away. */
import { statSync } from 'node:fs';
import type { JsMsg } from '@nats-io/jetstream';
import { Aside } from './aside.ts';
import type { Connection } from './connection.ts';
import {
  type Database,
  isCorrupt,
  isEnvironmental,
  migrate,
  openDatabase,
  openForReading,
  removeDatabase,
} from './database.ts';
import { messageOf } from './errors.ts';
import { Feed, type FeedPosition } from './feed.ts';
import { FileMark } from './file-mark.ts';
import type { Logger } from './log.ts';
import { type Projection, Projector, prepareBookkeeping } from './projection.ts';

export interface ViewDefinition<Q> {
  /** Raise it when the same events give other rows: every replica then rebuilds its file beside the old one. */
  version: number;
  /** Folder of the migrations that drizzle-kit wrote. */
  migrations: URL;
  /** Prepares statements. `queries` is what the service's operations read with. */
  open(db: Database): { queries: Q; projections: Projection[] };
}

export interface GenerationParts<Q> {
  name: string;
  definition: ViewDefinition<Q>;
  /** Pages of a log that make a checkpoint worth its time (file-mark.ts). */
  checkpointPages: number;
  connection: Connection;
  log: Logger;
}

/** What the view hears of. */
export interface GenerationEvents {
  /** The position in a stream has moved. */
  moved(stream: string): void;
  /** All streams have been read to their ends. */
  caughtUp(): void;
  /** What the file holds cannot be trusted. */
  broken(reason: string): void;
}

export interface StreamStatus {
  stream: string;
  sequence: number;
  /** Messages, and seconds, behind the end of the stream. */
  lag: number;
  lagSeconds: number;
}

export class Generation<Q> {
  readonly file: string;
  readonly queries: Q;
  readonly projectors: Projector[];
  /** Streams that have not been read to their ends since the last trouble with them. */
  readonly behind: Set<string>;
  readonly #db: Database;
  readonly #parts: GenerationParts<Q>;
  readonly #aside: Aside;
  readonly #mark: FileMark | undefined;
  #feeds: Feed[] = [];
  #complete: boolean;
  #closed = false;
  #detached = false;

  private constructor(file: string, db: Database, mark: FileMark | undefined, parts: GenerationParts<Q>) {
    const { queries, projections } = parts.definition.open(db);
    this.file = file;
    this.queries = queries;
    this.projectors = projections.map((projection) => new Projector(db, projection, parts.connection.telemetry));
    this.behind = new Set(projections.map(({ stream }) => stream));
    this.#db = db;
    this.#complete = isComplete(db);
    this.#parts = parts;
    this.#mark = mark;
    const { name: consumer, connection, log } = parts;
    this.#aside = new Aside({ db, projectors: this.projectors, consumer, connection, log });
  }

  /** Opens a file, made where it is missing. @throws Error when it is damaged, or cannot be read, written or migrated. */
  static open<Q>(file: string, parts: GenerationParts<Q>): Generation<Q> {
    const mark = file === ':memory:' ? undefined : new FileMark(file, parts.checkpointPages, parts.log);
    const exists = mark !== undefined && statSync(file, { throwIfNoEntry: false }) !== undefined;
    // What was beside a file that is gone belongs to nothing.
    if (mark && !exists) removeDatabase(file);
    const trust = exists ? mark.trust() : 'untouched';
    if (trust === 'touched') throw new Error('somebody else has written to the file');
    const db = openDatabase(file);
    let close = (): unknown => db.close();
    try {
      if (trust === 'unsure' && db.pragma('quick_check(1)', { simple: true }) !== 'ok') {
        throw new Error('the file is damaged');
      }
      if (mark) {
        mark.begin(db);
        close = () => mark.written(() => db.close());
      }
      prepareBookkeeping(db);
      migrate(db, parts.definition.migrations);
      return new Generation(file, db, mark, parts);
    } catch (error) {
      close();
      throw error;
    }
  }

  /** As `open`; a file that is at fault itself, and not the disk that it is on, is replaced by a new one. */
  static openSound<Q>(file: string, parts: GenerationParts<Q>): Generation<Q> {
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
    return this.#mark !== undefined && !this.#detached && !statSync(this.file, { throwIfNoEntry: false });
  }

  /** Whether somebody else has written to its file. */
  get fileIsTouched(): boolean {
    return this.#mark !== undefined && !this.#detached && !this.#closed && this.#mark.touched();
  }

  position(stream: string): FeedPosition | undefined {
    if (this.#closed) return undefined;
    return this.projectors.find(({ projection }) => projection.stream === stream)?.position();
  }

  /** Position and lag, in messages and in seconds, for each stream. */
  status(): StreamStatus[] {
    return this.projectors.map(({ projection: { stream } }, index) => ({
      stream,
      sequence: this.position(stream)?.sequence ?? 0,
      lag: this.#feeds[index]?.lag ?? 0,
      lagSeconds: this.#feeds[index]?.lagSeconds ?? 0,
    }));
  }

  /** Begins to read the streams. */
  start(events: GenerationEvents): void {
    const { connection, log } = this.#parts;
    this.#feeds = this.projectors.map((projector) => {
      const { stream, filter } = projector.projection;
      return new Feed({
        stream,
        filter,
        connection,
        log,
        target: {
          position: () => projector.position(),
          apply: (messages, created) => {
            this.#apply(projector, messages, created, events);
            events.moved(stream);
          },
          behind: () => this.behind.add(stream),
          hurries: () => !this.#complete,
          caughtUp: (created, lastSequence) => {
            this.#guard(events, () => projector.skipTo(lastSequence, created));
            this.behind.delete(stream);
            events.moved(stream);
            if (this.behind.size > 0) return;
            if (!this.#complete) setProperty(this.#db, 'complete', '1');
            this.#complete = true;
            events.caughtUp();
          },
          replaced: (reason) => events.broken(`the stream ${stream} is another one: ${reason}`),
        },
      });
    });
    this.#aside.wake();
  }

  /** Its file is no longer at its path, and another may come there: leave that one alone. */
  detach(): void {
    this.#detached = true;
    this.#mark?.end();
  }

  /** Stops reading and closes the file, which stays. */
  async close(): Promise<void> {
    await this.#stop();
    this.#mark?.end();
    if (!this.#db.open) return;
    if (this.#mark && !this.#detached) this.#mark.written(() => this.#db.close());
    else this.#db.close();
  }

  /** Closes the file at once and removes it; resolves when nothing reads for it any more. */
  discard(): Promise<void> {
    this.#closed = true;
    this.#mark?.end();
    try {
      this.#db.close();
    } catch (error) {
      this.#parts.log.warn({ reason: messageOf(error) }, 'the old file cannot be closed');
    }
    if (this.#mark && !this.#detached) removeDatabase(this.file);
    return this.#stop();
  }

  async #stop(): Promise<void> {
    this.#closed = true;
    this.#aside[Symbol.dispose]();
    await Promise.all(this.#feeds.map((feed) => feed[Symbol.asyncDispose]()));
  }

  #apply(projector: Projector, messages: JsMsg[], created: string, events: GenerationEvents): void {
    const mark = this.#detached ? undefined : this.#mark;
    this.#guard(events, () => {
      try {
        projector.apply(messages, created);
      } catch (error) {
        // It may be the log that fills the disk, and without a transaction nothing else would ever shorten it.
        if (isEnvironmental(error)) mark?.relieve(this.#db);
        throw error;
      }
      mark?.applied(this.#db, messages.length);
    });
    this.#aside.wake();
  }

  #guard(events: GenerationEvents, work: () => void): void {
    if (this.#closed) throw new Error('the view was closed');
    try {
      work();
    } catch (error) {
      if (isCorrupt(error)) events.broken(`the file is broken: ${messageOf(error)}`);
      throw error;
    }
  }
}

/** Whether a file holds a view that caught up with its streams once. Changes nothing. */
export function isCompleteFile(file: string): boolean {
  try {
    const db = openForReading(file);
    try {
      return isComplete(db);
    } finally {
      db.close();
    }
  } catch {
    return false;
  }
}

function isComplete(db: Database): boolean {
  const exists = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'view_properties'").get();
  if (!exists) return false;
  const row = db.prepare<[], { value: string }>("SELECT value FROM view_properties WHERE name = 'complete'").get();
  return row?.value === '1';
}

function setProperty(db: Database, name: string, value: string): void {
  db.prepare('INSERT OR REPLACE INTO view_properties (name, value) VALUES (?, ?)').run(name, value);
}
