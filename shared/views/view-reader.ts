/** The file that a view answers from at the moment, and the answers of it that are kept in memory. */
import { type Database, openForReading, preparing } from './database.ts';

/** UTF-16 code units of all answers that are kept. */
const mostUnits = 4_000_000;
/** What an entry takes beside its text. */
const entryUnits = 100;

export interface ViewDefinition<Q> {
  /** The module whose `projections` (a ViewProjections) writes the rows. */
  module: URL;
  /** Prepares the queries. */
  open(db: Database): Q;
}

export class ViewReader<Q> {
  readonly file: string;
  readonly #db: Database;
  readonly #queries: Q;
  readonly #dataVersion;
  #inSnapshot = false;
  /** What was made of one version of the file, by its key; undefined for what was asked for once. */
  readonly #kept = new Map<string | number, unknown>();
  #keptUnits = 0;
  #madeOf: unknown;

  /** @throws Error when the file cannot be read, or is not one that `open` can read from. */
  constructor(file: string, open: ViewDefinition<Q>['open']) {
    this.file = file;
    this.#db = openForReading(file);
    try {
      this.#dataVersion = this.#db.$client.prepare('PRAGMA data_version').pluck();
      // Of one snapshot: an index that is made meanwhile would change the schema that a full-text table is looked up in.
      this.#db.$client.exec('BEGIN; SELECT 1 FROM sqlite_schema');
      this.#queries = preparing(this.#db, () => open(this.#db));
      this.#db.$client.exec('ROLLBACK');
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
    this.#beginSnapshot();
    return this.#queries;
  }

  /**
   * What is kept under a key since the file was last written to, or else what `make` gives. That is kept from the second time on,
   * unless it is undefined: most of many different answers are never asked for again, and would cost the collector more than they save.
   */
  cached<T>(key: string | number, make: (queries: Q) => T): T {
    this.#beginSnapshot();
    const kept = this.#kept.get(key) as T | undefined;
    if (kept !== undefined) return kept;
    const made = make(this.#queries);
    if (made === undefined) return made;
    const entry = this.#kept.has(key) ? made : undefined;
    const units = entryUnits + unitsOf(entry) + (typeof key === 'string' ? key.length : 0);
    if (this.#keptUnits + units > mostUnits) this.#forget();
    this.#kept.set(key, entry);
    this.#keptUnits += units;
    return made;
  }

  #forget(): void {
    this.#kept.clear();
    this.#keptUnits = 0;
  }

  #beginSnapshot(): void {
    if (this.#inSnapshot) return;
    this.#db.$client.exec('BEGIN');
    this.#inSnapshot = true;
    setImmediate(() => this.endSnapshot());
    // SQLite counts the commits of others, and shows what was committed by now from here on.
    let version: unknown;
    try {
      version = this.#dataVersion.get();
    } finally {
      if (version === undefined || version !== this.#madeOf) this.#forget();
      this.#madeOf = version;
    }
  }

  /** The next query sees what is committed by then. */
  endSnapshot(): void {
    if (!this.#inSnapshot) return;
    this.#inSnapshot = false;
    try {
      this.#db.$client.exec('ROLLBACK');
    } catch {
      // The file is broken: the next query says so to those who can replace it.
    }
  }

  /** @throws Error when SQLite cannot close it. */
  close(): void {
    this.endSnapshot();
    this.#db.$client.close();
  }
}

/** Why the queries of a view cannot be prepared on a file; undefined where they can. */
export function misfitOf(file: string, open: ViewDefinition<unknown>['open']): unknown {
  try {
    new ViewReader(file, open).close();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Length of the text in a value: of a string, or of the strings in an object. */
function unitsOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((sum: number, one) => sum + (typeof one === 'string' ? one.length : 0), 0);
}
