/** The interfaces through which a service turns events into rows. */
import type { StoredEvent } from '../broker/event-codec.ts';
import type { EventType } from '../operations/event.ts';
import type { Config } from '../process/config.ts';
import type { Database } from './database.ts';

/** Turns the events of one stream, and of its copies from other sites, into rows. */
export interface Projection {
  /** Name of this site's own stream, such as VOTES. Copies of other sites' streams are read as well. */
  stream: string;
  /** A single subject filter, because servers before 2.15 can skip messages of consumers with several. */
  filter: string;
  events: EventType[];
  /** Changes rows, synchronously. The same transaction stores the position in the stream, so it sees each event once. */
  apply(event: StoredEvent): void;
  /** Does work that is cheaper once per batch, in the same transaction. */
  finish?(): void;
  /** Discards what was collected for `finish`, because the transaction failed. */
  abandon?(): void;
  /**
   * Does one step of the work that is cheaper once for the whole view, before the first query: a few seconds at most,
   * in its own transaction. Between two steps events may be applied, or another process may take over.
   * @returns what the step did, such as `wrote ranks`; undefined if nothing was left to do
   */
  complete?(): string | undefined;
  /** Number of entities (such as movies) whose rows `flush` still has to write. */
  readonly pending?: number;
  /**
   * Writes some of the deferred rows in its own transaction: those that the answer to `request` needs, if given.
   * Deferring saves writes when many transactions change the same rows, since only the last state has to be written.
   * What is pending must be derivable from the other rows of the file, so that a new process can continue.
   */
  flush?(request?: unknown): void;
}

/** A service's projections for the view worker. The service's module exports them as `projections`. */
export interface ViewProjections {
  /** To be raised when the same events give different rows: each replica then builds a new file beside the old one. */
  version: number;
  /** Folder of the migrations that drizzle-kit wrote. */
  migrations: URL;
  /** The group of replicas that share these rows; the same function as the service's own `group`. */
  group?(config: Config): string | undefined;
  /** Prepares the projections. Configuration that changes their rows must also change the folder of the view. */
  prepare(db: Database, config?: Config): Projection[];
}
