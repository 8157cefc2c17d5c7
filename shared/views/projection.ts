/** What a service writes to make rows of events. */
import type { StoredEvent } from '../broker/event-codec.ts';
import type { EventType } from '../operations/event.ts';
import type { Config } from '../process/config.ts';
import type { Database } from './database.ts';

/** What a service does with the events of one kind of stream, whichever site they are from. */
export interface Projection {
  /** The kind, such as VOTES: the name of the stream that is this site's own. */
  stream: string;
  /** One subject filter: servers before 2.15 can skip messages of consumers with several. */
  filter: string;
  /** Whether old messages of the stream are moved to the archive. */
  archived?: boolean;
  events: EventType[];
  /** Changes rows. Synchronous, inside a transaction, and harmless when the same event comes again. */
  apply(event: StoredEvent): void;
  /** Work that is cheaper once for a batch. Inside the same transaction. */
  finish?(): void;
  /** Forgets what was collected for `finish`: the transaction failed. */
  abandon?(): void;
  /**
   * A piece of the work that is cheaper once for a whole view, before the first who reads it: some seconds of it at most, in a transaction
   * of its own. Events may be applied between two pieces, and another process may go on.
   * @returns what is being done, where there is more to do; undefined where nothing is
   */
  complete?(): string | undefined;
  /**
   * Rows that may follow later: how many things wait for theirs, and what writes some of them in a transaction of its own, or
   * those that the answer to a request needs. Many transactions may change the same rows, and only the last state
   * has to be written. What waits must follow from the other rows of the file, for the next who opens it.
   */
  readonly pending?: number;
  flush?(request?: unknown): void;
}

/** What the view worker needs of a service, whose module exports it by the name of `projections`. */
export interface ViewProjections {
  /** Raise it when the same events give other rows: every replica then builds a new file beside the old one. */
  version: number;
  /** Folder of the migrations that drizzle-kit wrote. */
  migrations: URL;
  /** As the service's own: the group of replicas whose rows these are. */
  group?(config: Config): string | undefined;
  /** Prepares what writes the rows. What of the configuration changes them must change the folder of the view, too. */
  prepare(db: Database, config?: Config): Projection[];
}
