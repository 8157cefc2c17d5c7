/** The file that a view answers from at the moment, and how far it is in each stream. */

import type { StreamPosition } from '../broker/stream-identity.ts';
import { Cache, CommittedVersion } from './cache.ts';
import { type Database, openForReading, preparing } from './database.ts';
import type { Served, StreamProgress } from './messages.ts';

/** Where it is in a stream, for people. */
export interface StreamStatus {
  stream: string;
  sequence: number;
  /** Messages, and seconds, behind the end of the stream. */
  lag: number;
  lagSeconds: number;
}

export interface ViewDefinition<Q> {
  /** The module whose `projections` (a ViewProjections) writes the rows. */
  module: URL;
  /** Prepares the queries that read them. */
  open(db: Database): Q;
}

export class ViewReader<Q> {
  readonly file: string;
  /** Whether some of its rows are still to be written. */
  pending: boolean;
  readonly #queries: Q;
  readonly cache: Cache;
  readonly #byStream = new Map<string, Cache>();
  readonly #db: Database;
  readonly #progress: Map<string, StreamProgress>;

  /** @throws Error when the file cannot be read, or is not one that `open` can read from. */
  constructor({ file, progress, pending, version }: Served, open: (db: Database) => Q) {
    this.file = file;
    this.pending = pending;
    this.#db = openForReading(file);
    this.cache = new Cache(new CommittedVersion(version));
    this.#progress = new Map(progress.map((one) => [one.stream, one]));
    try {
      this.#queries = preparing(this.#db, () => open(this.#db));
    } catch (error) {
      this.#db.$client.close();
      throw error;
    }
  }

  /**
   * The queries. Those of one turn of the event loop see one snapshot: most of a small query's cost is SQLite's locks, which
   * are then taken once.
   */
  get queries(): Q {
    const { $client: client } = this.#db;
    if (!client.inTransaction && client.open) {
      client.exec('BEGIN');
      setImmediate(() => this.endSnapshot());
    }
    return this.#queries;
  }

  /** The next query sees what is committed by then. */
  endSnapshot(): void {
    const { $client: client } = this.#db;
    try {
      if (client.open && client.inTransaction) client.exec('ROLLBACK');
    } catch {
      // The file is broken: the next query says so to those who can replace it.
    }
  }

  /** @throws Error when SQLite cannot close it. */
  close(): void {
    this.endSnapshot();
    this.#db.$client.close();
  }

  set(progress: StreamProgress[]): void {
    for (const one of progress) this.#progress.set(one.stream, one);
  }

  reads(stream: string): boolean {
    return this.#progress.has(stream);
  }

  position(stream: string): StreamPosition | undefined {
    return this.#progress.get(stream)?.position;
  }

  /** A cache for what follows from one stream alone, as of the position in it that was last told of. */
  cacheOf(stream: string): Cache {
    let cache = this.#byStream.get(stream);
    if (!cache) {
      const position = (): number | undefined => this.position(stream)?.sequence;
      cache = new Cache({
        get current() {
          return position();
        },
      });
      this.#byStream.set(stream, cache);
    }
    return cache;
  }

  get progress(): Iterable<StreamProgress> {
    return this.#progress.values();
  }

  /** Position and lag for each stream. */
  status(): StreamStatus[] {
    return [...this.#progress.values()].map(({ stream, position, lag, appliedUpTo }) => ({
      stream,
      sequence: position?.sequence ?? 0,
      lag,
      // How old the next message to be applied is, at most.
      lagSeconds: lag === 0 ? 0 : Math.max(0, Date.now() - appliedUpTo) / 1000,
    }));
  }
}

/** Why the queries of a view cannot be prepared on a file; undefined where they can. */
export function misfitOf<Q>(file: string, { open }: ViewDefinition<Q>): unknown {
  const served = { file, progress: [], pending: false, version: new CommittedVersion().counter };
  try {
    new ViewReader(served, open).close();
    return undefined;
  } catch (error) {
    return error;
  }
}
