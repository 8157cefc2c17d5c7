/** Reads the file that a view currently answers from, and caches answers in memory. */
import { type Database, openForReading, prepareStatements } from './database.ts';

/** Size limit of the cache in UTF-16 code units. */
const maxCacheUnits = 4_000_000;
/** Overhead of a cache entry in addition to its text. */
const entryUnits = 100;

export interface ViewDefinition<Q> {
  /** URL of the module that exports `projections` (a ViewProjections), which writes the rows. */
  module: URL;
  /** Prepares the queries on a file. */
  open(db: Database): Q;
}

export class ViewReader<Q> {
  readonly file: string;
  readonly #db: Database;
  readonly #queries: Q;
  readonly #dataVersion;
  #inSnapshot = false;
  /** Values by key, all computed from one version of the file; undefined for a key that was requested only once. */
  readonly #cache = new Map<string | number, unknown>();
  #cacheUnits = 0;
  /** SQLite's `data_version` of the file version that the cache belongs to. */
  #cacheVersion: unknown;

  /** @throws Error if the file cannot be read, or `open` cannot prepare its queries on it */
  constructor(file: string, open: ViewDefinition<Q>['open']) {
    this.file = file;
    this.#db = openForReading(file);
    try {
      this.#dataVersion = this.#db.$client.prepare('PRAGMA data_version').pluck();
      // In one read transaction, because an index created meanwhile would change the schema under a full-text table.
      this.#db.$client.exec('BEGIN; SELECT 1 FROM sqlite_schema');
      this.#queries = prepareStatements(this.#db, () => open(this.#db));
      this.#db.$client.exec('ROLLBACK');
    } catch (error) {
      this.#db.$client.close();
      throw error;
    }
  }

  /**
   * The prepared queries. All queries of one event-loop turn share one read transaction, because taking SQLite's locks
   * is most of the cost of a small query.
   */
  get queries(): Q {
    this.#beginSnapshot();
    return this.#queries;
  }

  /**
   * Returns the cached value of a key, or that of `make`, which is cached at the key's second request until the file
   * changes, unless it is undefined. Keys requested only once would cost the garbage collector more than they save.
   */
  cached<T>(key: string | number, make: (queries: Q) => T): T {
    this.#beginSnapshot();
    const cached = this.#cache.get(key) as T | undefined;
    if (cached !== undefined) return cached;
    const made = make(this.#queries);
    if (made === undefined) return made;
    const entry = this.#cache.has(key) ? made : undefined;
    const units = entryUnits + unitsOf(entry) + (typeof key === 'string' ? key.length : 0);
    if (this.#cacheUnits + units > maxCacheUnits) this.#clearCache();
    this.#cache.set(key, entry);
    this.#cacheUnits += units;
    return made;
  }

  #clearCache(): void {
    this.#cache.clear();
    this.#cacheUnits = 0;
  }

  #beginSnapshot(): void {
    if (this.#inSnapshot) return;
    this.#db.$client.exec('BEGIN');
    this.#inSnapshot = true;
    setImmediate(() => this.endSnapshot());
    // This first read fixes the state that the transaction sees. Commits of other connections change `data_version`.
    let version: unknown;
    try {
      version = this.#dataVersion.get();
    } finally {
      if (version === undefined || version !== this.#cacheVersion) this.#clearCache();
      this.#cacheVersion = version;
    }
  }

  /** Ends the shared read transaction early, so that the next query sees everything committed by then. */
  endSnapshot(): void {
    if (!this.#inSnapshot) return;
    this.#inSnapshot = false;
    try {
      this.#db.$client.exec('ROLLBACK');
    } catch {
      // The file is damaged. The next query throws, and its caller can replace the file.
    }
  }

  /** @throws Error if SQLite cannot close the file */
  close(): void {
    this.endSnapshot();
    this.#db.$client.close();
  }
}

/** Tries to prepare a view's queries on a file. @returns the error; undefined if they can be prepared */
export function prepareErrorOf(file: string, open: ViewDefinition<unknown>['open']): unknown {
  try {
    new ViewReader(file, open).close();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Returns the length of a string, or of all strings in an object's fields. */
function unitsOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((sum: number, one) => sum + (typeof one === 'string' ? one.length : 0), 0);
}
