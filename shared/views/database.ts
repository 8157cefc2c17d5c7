/** SQLite files: one way to open them, one way to migrate them. */
import { mkdirSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import BetterSqlite3 from 'better-sqlite3';
import { type BetterSQLite3Database, drizzle } from 'drizzle-orm/better-sqlite3';
import { migrate as runMigrations } from 'drizzle-orm/better-sqlite3/migrator';
import { messageOf } from '../operations/errors.ts';

/** A view's database for drizzle's queries; `$client` is the connection of better-sqlite3 below it. */
export type Database = BetterSQLite3Database & { $client: BetterSqlite3.Database };

const busyTimeoutMs = 2000;
const cacheKb = 32_000;
/** Pages of a copy that are written in one turn: events wait for less than a millisecond. */
const pagesATurn = 50;

/** Opens a file (made where it is missing), or `:memory:`. Safe for a view: a crash loses no committed transaction. */
export function openDatabase(file: string): Database {
  // Resolved: when the working directory is gone, Node looks for the parent of a relative path for ever.
  if (file !== ':memory:') mkdirSync(resolve(dirname(file)), { recursive: true });
  const client = new BetterSqlite3(file, { timeout: busyTimeoutMs });
  try {
    client.pragma('journal_mode = WAL');
    // A new WAL file has FULL until it is opened again, so it is said here. A view may lose its last commits with
    // the power: the stream has them.
    client.pragma('synchronous = NORMAL');
    client.pragma('wal_autocheckpoint = 10000');
    client.pragma('journal_size_limit = 67108864');
    // Used as it is needed: a small view stays small, a large one is built again in half the time.
    client.pragma(`cache_size = -${cacheKb}`);
  } catch (error) {
    client.close();
    throw error;
  }
  return drizzle({ client });
}

/** Makes the cache small until it is disposed: for work that reads each page once, or sorts, which takes as much memory again. */
export function smallCache({ $client: client }: Database): Disposable {
  client.pragma(`cache_size = -${cacheKb / 4}`);
  return {
    [Symbol.dispose]: () => {
      if (client.open) client.pragma(`cache_size = -${cacheKb}`);
    },
  };
}

/** Copies a database to a file that is yet to be made, a little in each turn of the event loop. @throws what `signal` says */
export async function copyDatabase(db: Database, file: string, signal: AbortSignal): Promise<void> {
  await using copy = await open(file, 'wx');
  let synced: boolean | undefined;
  const progress = ({ remainingPages }: BetterSqlite3.BackupMetadata): number => {
    signal.throwIfAborted();
    if (remainingPages > pagesATurn) return pagesATurn;
    // SQLite syncs the copy with its last pages, and events would wait for the disk to take all of it.
    if (synced === undefined) {
      synced = false;
      const whenSynced = (): void => {
        synced = true;
      };
      copy.datasync().then(whenSynced, whenSynced);
    }
    return synced ? pagesATurn : 0;
  };
  using _ = smallCache(db);
  await db.$client.backup(file, { progress });
}

/** Opens a file to look into it. @throws Error when there is none, or it cannot be read. */
export function openForReading(file: string): Database {
  const client = new BetterSqlite3(file, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs });
  client.pragma('temp_store = MEMORY');
  client.pragma(`cache_size = -${cacheKb}`);
  return drizzle({ client });
}

/**
 * Brings a database to the newest schema, by the migrations in a folder that drizzle-kit wrote.
 * @throws Error for a migration that is missing or cannot be run; then nothing has changed.
 */
export function migrate(db: Database, folder: URL): void {
  runMigrations(db, { migrationsFolder: fileURLToPath(folder) });
}

/**
 * Indices that a view has from the end of its building on: made at once of sorted rows they cost far less than row by row,
 * where each event is written to pages of its own.
 * @param indices what they are on, by their names, in the order in which they are made
 */
export function lateIndices(db: Database, indices: Record<string, string>) {
  const has = db.$client.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?');
  /** Those that are still to be made. */
  const missing = (): string[] => Object.keys(indices).filter((name) => !has.get(name));
  return {
    missing,
    /**
     * Makes the next one. SQLite sorts in temporary files: in memory it would be more than all that a service holds.
     * @returns what was done; undefined where none was missing
     */
    add(): string | undefined {
      const [name] = missing();
      if (name === undefined) return undefined;
      using _ = smallCache(db);
      db.$client.exec(`CREATE INDEX ${name} ON ${indices[name]}`);
      return `the index ${name} is made`;
    },
  };
}

/**
 * Does work that prepares statements.
 * @throws what `work` throws; an error of SQLite names the statement that was prepared last.
 */
export function preparing<T>(db: Database, work: () => T): T {
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

/** Removes a database with the files that are kept beside it. */
export function removeDatabase(file: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal', '.mark', '.mark-new']) rmSync(file + suffix, { force: true });
}

/** Whether an error says that the file is not, or no longer, a sound database. */
export function isCorrupt(error: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error));
}

/** Whether a statement that was prepared on the file once no longer fits it: it is another file now. */
export function isOfAnotherFile(error: unknown): boolean {
  return codeOf(error) === 'SQLITE_ERROR' && /^no such (table|column)/.test(messageOf(error));
}

/** Whether an error comes from the machine (disk full, I/O, a lock, a file) and not from what was to be written. */
export function isEnvironmental(error: unknown): boolean {
  const sqlite = /^SQLITE_(FULL|IOERR|CANTOPEN|READONLY|BUSY|LOCKED|NOMEM|PROTOCOL)/.test(codeOf(error));
  return sqlite || typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

/** The code of an error, or of the one that drizzle has wrapped in it. */
function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  if (typeof code === 'string') return code;
  return cause === undefined || cause === null ? '' : codeOf(cause);
}
