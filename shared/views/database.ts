/** Opens, migrates, copies and removes SQLite files. */
import { mkdirSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import BetterSqlite3 from 'better-sqlite3';
import { type BetterSQLite3Database, drizzle } from 'drizzle-orm/better-sqlite3';
import { migrate as runMigrations } from 'drizzle-orm/better-sqlite3/migrator';
import { messageOf } from '../operations/errors.ts';

/** A view's database as drizzle sees it; `$client` is the underlying better-sqlite3 connection. */
export type Database = BetterSQLite3Database & { $client: BetterSqlite3.Database };

const busyTimeoutMs = 2000;
const cacheKb = 32_000;
/** Pages copied per event-loop turn, so that a copy delays events by less than a millisecond. */
const pagesPerTurn = 50;

/** Opens a file, creating it if it is missing, or `:memory:`. A process crash loses no committed transaction. */
export function openDatabase(file: string): Database {
  // An absolute path, because Node loops endlessly on a relative one if the working directory has been deleted.
  if (file !== ':memory:') mkdirSync(resolve(dirname(file)), { recursive: true });
  const client = new BetterSqlite3(file, { timeout: busyTimeoutMs });
  try {
    client.pragma('journal_mode = WAL');
    // A new WAL file keeps FULL until it is reopened. With NORMAL a power failure can lose the last commits, but a view
    // reads their events from the stream again.
    client.pragma('synchronous = NORMAL');
    client.pragma('wal_autocheckpoint = 10000');
    client.pragma('journal_size_limit = 67108864');
    // Memory is used only as needed. With this cache a large view is rebuilt in half the time.
    client.pragma(`cache_size = -${cacheKb}`);
  } catch (error) {
    client.close();
    throw error;
  }
  return drizzle({ client });
}

/** Shrinks the page cache until disposed: for reading pages once, and for sorting, which doubles the memory. */
export function smallCache({ $client: client }: Database): Disposable {
  client.pragma(`cache_size = -${cacheKb / 4}`);
  return {
    [Symbol.dispose]: () => {
      if (client.open) client.pragma(`cache_size = -${cacheKb}`);
    },
  };
}

/** Copies a database to a new file, a few pages per event-loop turn. @throws the reason of `signal` on abort */
export async function copyDatabase(db: Database, file: string, signal: AbortSignal): Promise<void> {
  await using copy = await open(file, 'wx');
  let sync: 'pending' | 'running' | 'ended' = 'pending';
  const onEnd = (): void => {
    sync = 'ended';
  };
  const progress = ({ remainingPages }: BetterSqlite3.BackupMetadata): number => {
    signal.throwIfAborted();
    if (remainingPages > pagesPerTurn) return pagesPerTurn;
    // SQLite syncs the copy with its last pages, which would block events. So all pages before them are synced first,
    // asynchronously. better-sqlite3 cannot wait for a promise: it calls this function again in each turn.
    if (sync === 'pending') {
      sync = 'running';
      copy.datasync().then(onEnd, onEnd);
    }
    return sync === 'ended' ? pagesPerTurn : 0;
  };
  using _ = smallCache(db);
  await db.$client.backup(file, { progress });
}

/** Opens a file read-only. @throws Error if it is missing or unreadable */
export function openForReading(file: string): Database {
  const client = new BetterSqlite3(file, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs });
  client.pragma('temp_store = MEMORY');
  client.pragma(`cache_size = -${cacheKb}`);
  return drizzle({ client });
}

/**
 * Applies the pending migrations of a folder written by drizzle-kit.
 * @throws Error if a migration is missing or fails; the database is then unchanged
 */
export function migrate(db: Database, folder: URL): void {
  runMigrations(db, { migrationsFolder: fileURLToPath(folder) });
}

/**
 * Handles indices that are created at the end of a view's build. Building an index once from sorted rows is far cheaper
 * than maintaining it row by row, where each event touches different index pages.
 * @param indices the `table (columns)` of each index by name, in order of creation
 */
export function lateIndices(db: Database, indices: Record<string, string>) {
  const has = db.$client.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?');
  /** Returns the names of the indices that do not exist yet. */
  const missing = (): string[] => Object.keys(indices).filter((name) => !has.get(name));
  return {
    missing,
    /**
     * Creates the next missing index. SQLite sorts in files: in memory it would need more than the whole service uses.
     * @returns what was done; undefined if no index was missing
     */
    add(): string | undefined {
      const [name] = missing();
      if (name === undefined) return undefined;
      using _ = smallCache(db);
      db.$client.exec(`CREATE INDEX ${name} ON ${indices[name]}`);
      return `created the index ${name}`;
    },
  };
}

/**
 * Runs `work`, which prepares statements.
 * @throws whatever `work` throws; the SQL of the last statement is appended to the message of a SQLite error
 */
export function prepareStatements<T>(db: Database, work: () => T): T {
  const client = db.$client;
  const prepare = client.prepare;
  let last = '';
  client.prepare = ((text: string) => {
    last = text;
    return prepare.call(client, text);
  }) as typeof client.prepare;
  try {
    return work();
  } catch (error) {
    if (error instanceof BetterSqlite3.SqliteError && !error.message.includes(last)) error.message += ` in: ${last}`;
    throw error;
  } finally {
    client.prepare = prepare;
  }
}

/** Removes a database file together with its WAL, shared memory, journal and fingerprint files. */
export function removeDatabase(file: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal', '.mark', '.mark-new']) rmSync(file + suffix, { force: true });
}

/** Returns whether SQLite reported the file as corrupt or as not a database. */
export function isCorrupt(error: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error));
}

/** Returns whether a statement names a table or column that the file lacks. */
export function isSchemaMismatch(error: unknown): boolean {
  return codeOf(error) === 'SQLITE_ERROR' && /^no such (table|column)/.test(messageOf(error));
}

/** Returns whether the machine caused an error (disk full, I/O, a lock, a file) rather than the data or the SQL. */
export function isEnvironmental(error: unknown): boolean {
  const sqlite = /^SQLITE_(FULL|IOERR|CANTOPEN|READONLY|BUSY|LOCKED|NOMEM|PROTOCOL)/.test(codeOf(error));
  return sqlite || typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

/** Returns the code of an error, or of the cause that drizzle wrapped. */
function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  if (typeof code === 'string') return code;
  return cause === undefined || cause === null ? '' : codeOf(cause);
}
