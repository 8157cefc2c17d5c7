/** A view: the SQLite file that a service replica answers from, kept up to date by its streams. */
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Aside } from './aside.ts';
import type { Connection } from './connection.ts';
import { type Database, isCorrupt, migrate, openDatabase, removeDatabase } from './database.ts';
import { AppError, messageOf } from './errors.ts';
import { Feed } from './feed.ts';
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

interface ViewOptions<Q> {
  name: string;
  /** Folder of the files, or null for a view in memory. */
  folder: string | null;
  definition: ViewDefinition<Q>;
  connection: Connection;
  log: Logger;
}

interface Waiter {
  sequence: number;
  resolve: (reached: boolean) => void;
  timer: NodeJS.Timeout;
}

/** One database with the feeds that fill it. */
interface Generation<Q> {
  file: string;
  db: Database;
  queries: Q;
  projectors: Projector[];
  feeds: Feed[];
  aside: Aside;
  behind: Set<string>;
  closed: boolean;
}

/**
 * The view of one service replica. Serves as soon as it has caught up with its streams once; after that also while
 * the broker is away. A file that is missing, broken, of another version or of another stream is built again.
 */
export class View<Q> implements AsyncDisposable {
  readonly #options: ViewOptions<Q>;
  readonly #waiters = new Map<string, Set<Waiter>>();
  readonly #ready = Promise.withResolvers<void>();
  #serving: Generation<Q>;
  #building: Generation<Q> | undefined;
  #complete: boolean;
  #watch: NodeJS.Timeout | undefined;
  #closing: Promise<void>[] = [];
  rebuilds = 0;

  constructor(options: ViewOptions<Q>) {
    this.#options = options;
    this.#ready.promise.catch(() => {});
    const older = this.#olderFile();
    const target = this.#file();
    if (older && !(existsSync(target) && this.#isComplete(target))) {
      options.log.info({ from: older, to: target }, 'the view is of another version: building a new one beside it');
      this.#serving = this.#openSound(older);
      this.#building = this.#openSound(target);
    } else {
      this.#serving = this.#openSound(target);
    }
    this.#complete = property(this.#serving.db, 'complete') === '1';
    this.#start(this.#serving);
    if (this.#building) this.#start(this.#building);
    if (options.folder) this.#watch = setInterval(() => this.#checkFile(), 2000).unref();
  }

  /** The prepared queries. @throws AppError unavailable until the view has caught up for the first time. */
  get queries(): Q {
    if (!this.#complete) throw new AppError('unavailable', 'The view is being built from its streams.');
    return this.#serving.queries;
  }

  /** Resolves when the view has caught up with its streams for the first time. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Whether it has caught up with every stream since it was opened, or since the connection came back. */
  get caughtUp(): boolean {
    return this.#complete && this.#serving.behind.size === 0 && !this.#building;
  }

  /** Position and lag (in messages) for each stream. */
  status(): { stream: string; sequence: number; lag: number }[] {
    return this.#serving.projectors.map((projector, index) => ({
      stream: projector.projection.stream,
      sequence: projector.position()?.sequence ?? 0,
      lag: this.#serving.feeds[index]?.lag ?? 0,
    }));
  }

  /** Waits until an event is in the view. Gives false when it is not within `timeoutMs`. */
  waitFor(stream: string, sequence: number, timeoutMs: number): Promise<boolean> {
    if (this.#positionOf(stream) >= sequence) return Promise.resolve(true);
    return new Promise((resolve) => {
      const waiters = this.#waiters.get(stream) ?? new Set();
      this.#waiters.set(stream, waiters);
      const waiter: Waiter = {
        sequence,
        resolve,
        timer: setTimeout(
          () => {
            waiters.delete(waiter);
            resolve(false);
          },
          Math.max(timeoutMs, 0),
        ),
      };
      waiters.add(waiter);
    });
  }

  /** Throws the file away and builds it again. Queries answer `unavailable` until it is there. */
  rebuild(reason: string): void {
    this.#options.log.warn({ reason }, 'the view is built again');
    this.rebuilds++;
    this.#complete = false;
    this.#discard(this.#serving);
    if (this.#building) this.#discard(this.#building);
    this.#building = undefined;
    this.#serving = this.#openSound(this.#file());
    this.#start(this.#serving);
  }

  /** To be told of errors that queries meet: a broken file is replaced. */
  failed(error: unknown): void {
    if (isCorrupt(error)) this.rebuild(`the file is broken: ${messageOf(error)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#watch);
    for (const waiters of this.#waiters.values()) {
      for (const waiter of waiters) {
        clearTimeout(waiter.timer);
        waiter.resolve(false);
      }
    }
    await Promise.all([this.#close(this.#serving), this.#building && this.#close(this.#building), ...this.#closing]);
  }

  #positionOf(stream: string): number {
    const projector = this.#serving.projectors.find(({ projection }) => projection.stream === stream);
    return projector?.position()?.sequence ?? 0;
  }

  #file(): string {
    const { folder, name, definition } = this.#options;
    return folder ? join(folder, `${name}.v${definition.version}.sqlite`) : ':memory:';
  }

  /** A complete file of another version of this view, newest first. */
  #olderFile(): string | undefined {
    const { folder, name } = this.#options;
    if (!folder) return undefined;
    mkdirSync(folder, { recursive: true });
    const own = new RegExp(`^${name}\\.v(\\d+)\\.sqlite$`);
    const versions = readdirSync(folder)
      .filter((file) => own.test(file))
      .sort((a, b) => Number(own.exec(b)?.[1]) - Number(own.exec(a)?.[1]))
      .map((file) => join(folder, file));
    return versions.find((file) => file !== this.#file() && this.#isComplete(file));
  }

  #isComplete(file: string): boolean {
    try {
      const db = openDatabase(file);
      try {
        return property(db, 'complete') === '1';
      } finally {
        db.close();
      }
    } catch {
      return false;
    }
  }

  /** Opens a file; one that cannot be used is replaced by a new one. */
  #openSound(file: string): Generation<Q> {
    try {
      return this.#open(file);
    } catch (error) {
      this.#options.log.warn({ file, reason: messageOf(error) }, 'the file cannot be used and is built again');
      removeDatabase(file);
      return this.#open(file);
    }
  }

  #open(file: string): Generation<Q> {
    const { definition } = this.#options;
    const db = openDatabase(file);
    try {
      // Only after a crash can a file be damaged unseen, and then a look is worth its time.
      if (property(db, 'open') === '1' && db.pragma('quick_check(1)', { simple: true }) !== 'ok') {
        throw new Error('the file is damaged');
      }
      prepareBookkeeping(db);
      migrate(db, definition.migrations);
      setProperty(db, 'open', '1');
      const { queries, projections } = definition.open(db);
      const projectors = projections.map((projection) => new Projector(db, projection));
      const { name, connection, log } = this.#options;
      const aside = new Aside({ db, projectors, consumer: name, connection, log });
      const behind = new Set(projections.map(({ stream }) => stream));
      return { file, db, queries, projectors, feeds: [], aside, behind, closed: false };
    } catch (error) {
      db.close();
      throw error;
    }
  }

  #start(generation: Generation<Q>): void {
    const { connection, log } = this.#options;
    generation.feeds = generation.projectors.map((projector) => {
      const { stream, filter } = projector.projection;
      return new Feed({
        stream,
        filter,
        connection,
        log,
        target: {
          position: () => projector.position(),
          apply: (messages, created) => {
            this.#guard(generation, () => projector.apply(messages, created));
            generation.aside.wake();
            if (generation === this.#serving) this.#wake(stream);
          },
          caughtUp: (created, lastSequence) => {
            this.#guard(generation, () => projector.skipTo(lastSequence, created));
            generation.behind.delete(stream);
            if (generation === this.#serving) this.#wake(stream);
            if (generation.behind.size === 0) this.#completed(generation);
          },
          replaced: (reason) => this.rebuild(`the stream ${stream} is another one: ${reason}`),
        },
      });
    });
    generation.aside.wake();
  }

  #guard(generation: Generation<Q>, work: () => void): void {
    if (generation.closed) throw new Error('the view was closed');
    try {
      work();
    } catch (error) {
      if (isCorrupt(error)) this.failed(error);
      throw error;
    }
  }

  #completed(generation: Generation<Q>): void {
    if (generation === this.#building) {
      const old = this.#serving;
      this.#serving = generation;
      this.#building = undefined;
      this.#discard(old);
      for (const { projection } of generation.projectors) this.#wake(projection.stream);
      this.#options.log.info({ file: generation.file }, 'the new view serves');
    }
    if (property(generation.db, 'complete') !== '1') setProperty(generation.db, 'complete', '1');
    if (generation !== this.#serving) return;
    this.#complete = true;
    this.#ready.resolve();
  }

  #wake(stream: string): void {
    const waiters = this.#waiters.get(stream);
    if (!waiters || waiters.size === 0) return;
    const position = this.#positionOf(stream);
    for (const waiter of waiters) {
      if (waiter.sequence > position) continue;
      waiters.delete(waiter);
      clearTimeout(waiter.timer);
      waiter.resolve(true);
    }
  }

  /** A file that someone deleted goes on working unseen until the next start: build it again while it still does. */
  #checkFile(): void {
    const { file } = this.#serving;
    if (file === ':memory:' || statSync(file, { throwIfNoEntry: false })) return;
    this.rebuild('its file was deleted');
  }

  #discard(generation: Generation<Q>): void {
    generation.closed = true;
    try {
      generation.db.close();
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, 'the old file cannot be closed');
    }
    if (generation.file !== ':memory:') removeDatabase(generation.file);
    this.#closing.push(this.#stop(generation));
  }

  async #stop(generation: Generation<Q>): Promise<void> {
    generation.closed = true;
    generation.aside[Symbol.dispose]();
    await Promise.all(generation.feeds.map((feed) => feed[Symbol.asyncDispose]()));
  }

  async #close(generation: Generation<Q>): Promise<void> {
    await this.#stop(generation);
    if (!generation.db.open) return;
    try {
      setProperty(generation.db, 'open', '0');
    } finally {
      generation.db.close();
    }
  }
}

function property(db: Database, name: string): string | undefined {
  const exists = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'view_properties'").get();
  if (!exists) return undefined;
  const row = db.prepare<[string], { value: string }>('SELECT value FROM view_properties WHERE name = ?').get(name);
  return row?.value;
}

function setProperty(db: Database, name: string, value: string): void {
  db.prepare('INSERT OR REPLACE INTO view_properties (name, value) VALUES (?, ?)').run(name, value);
}
