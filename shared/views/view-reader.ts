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
  readonly queries: Q;
  readonly cache: Cache;
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
      this.queries = preparing(this.#db, () => open(this.#db));
    } catch (error) {
      this.#db.$client.close();
      throw error;
    }
  }

  /** @throws Error when SQLite cannot close it. */
  close(): void {
    this.#db.$client.close();
  }

  set(progress: StreamProgress[]): void {
    for (const one of progress) this.#progress.set(one.stream, one);
  }

  position(stream: string): StreamPosition | undefined {
    return this.#progress.get(stream)?.position;
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
