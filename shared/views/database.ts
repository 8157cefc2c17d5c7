/** SQLite files: one way to open them, one way to migrate them. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import BetterSqlite3 from 'better-sqlite3';
import { type BetterSQLite3Database, drizzle } from 'drizzle-orm/better-sqlite3';

/** A view's database for drizzle's queries; `$client` is the connection of better-sqlite3 below it. */
export type Database = BetterSQLite3Database & { $client: BetterSqlite3.Database };
export type Statement<P extends unknown[] | object = unknown[], R = unknown> = BetterSqlite3.Statement<
  P extends unknown[] ? P : [P],
  R
>;

const busyTimeoutMs = 2000;
const cacheKb = 32_000;

/** Opens a file (made where it is missing), or `:memory:`. Safe for a view: a crash loses no committed transaction. */
export function openDatabase(file: string): Database {
  // Resolved: when the working directory is gone, Node looks for the parent of a relative path for ever.
  if (file !== ':memory:') mkdirSync(resolve(dirname(file)), { recursive: true });
  const client = new BetterSqlite3(file);
  try {
    client.pragma('journal_mode = WAL');
    // A new WAL file has FULL until it is opened again, so it is said here. A view may lose its last commits with
    // the power: the stream has them.
    client.pragma('synchronous = NORMAL');
    client.pragma(`busy_timeout = ${busyTimeoutMs}`);
    client.pragma('wal_autocheckpoint = 10000');
    client.pragma('journal_size_limit = 67108864');
    client.pragma('temp_store = MEMORY');
    // Used as it is needed: a small view stays small, a large one is built again in half the time.
    client.pragma(`cache_size = -${cacheKb}`);
    client.pragma('foreign_keys = ON');
  } catch (error) {
    client.close();
    throw error;
  }
  return drizzle({ client });
}

/** Opens a file to look into it. @throws Error when there is none, or it cannot be read. */
export function openForReading(file: string): Database {
  const client = new BetterSqlite3(file, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs });
  client.pragma('temp_store = MEMORY');
  client.pragma(`cache_size = -${cacheKb}`);
  return drizzle({ client });
}

/** Opens a file that others have open, to copy its log into it. @throws Error when there is none, or it cannot be read. */
export function openForCheckpoint(file: string): Database {
  const client = new BetterSqlite3(file, { fileMustExist: true, timeout: busyTimeoutMs });
  client.pragma('synchronous = NORMAL');
  return drizzle({ client });
}

interface Journal {
  entries: { idx: number; tag: string }[];
}

/** The migrations in a folder that drizzle-kit wrote, in order. */
function readMigrations(folder: URL): { tag: string; statements: string[] }[] {
  const path = fileURLToPath(folder);
  const journal = JSON.parse(readFileSync(`${path}/meta/_journal.json`, 'utf8')) as Journal;
  return journal.entries.map(({ tag }) => ({
    tag,
    statements: readFileSync(`${path}/${tag}.sql`, 'utf8').split('--> statement-breakpoint'),
  }));
}

/** Brings a database to the newest schema. Each migration is one transaction, and `user_version` counts them. */
export function migrate(db: Database, folder: URL): void {
  const migrations = readMigrations(folder);
  const done = db.$client.pragma('user_version', { simple: true }) as number;
  migrations.slice(done).forEach(({ statements }, index) => {
    db.$client.transaction(() => {
      for (const statement of statements) db.$client.exec(statement);
      db.$client.pragma(`user_version = ${done + index + 1}`);
    })();
  });
}

/** The file beside a database that says when it was last written (file-mark.ts). */
export const markSuffix = '.mark';

/** Removes a database with the files that are kept beside it. */
export function removeDatabase(file: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal', markSuffix]) rmSync(file + suffix, { force: true });
}

/** Whether an error says that the file is not, or no longer, a sound database. */
export function isCorrupt(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^SQLITE_(CORRUPT|NOTADB)/.test(code);
}

/** Whether an error comes from the machine (disk full, I/O, a lock) and not from what was to be written. */
export function isEnvironmental(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^SQLITE_(FULL|IOERR|CANTOPEN|READONLY|BUSY|LOCKED|NOMEM|PROTOCOL)/.test(code);
}
