/** The files of a view: what they are called, what each says of itself, and how one is opened to be written. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, migrate, openDatabase, openForReading } from './database.ts';
import { createOutbox } from './dead-letter-outbox.ts';
import type { Fingerprint } from './fingerprint.ts';

/** A file of a view. Each has a name of its own, so that no two of them are ever taken for one. */
export interface ViewFile {
  path: string;
  version: number;
  /** Whether it has caught up with its streams once. */
  complete: boolean;
}

let last = 0;

/** Path of a file that is yet to be made, such as `movies.v3.mfx2k1c0.sqlite`. */
export function newFile(folder: string, name: string, version: number): string {
  last = Math.max(last + 1, Date.now());
  return join(folder, `${name}.v${version}.${last.toString(36)}.sqlite`);
}

/** The files of a view: complete ones first, then the newest version and file first. */
export function filesOf(folder: string, name: string): ViewFile[] {
  const pattern = new RegExp(`^${name}\\.v(\\d+)(\\.\\w+)?\\.sqlite$`);
  const files = readdirSync(folder).flatMap((file) => {
    const version = pattern.exec(file)?.[1];
    const path = join(folder, file);
    return version === undefined ? [] : [{ path, version: Number(version), complete: isCompleteFile(path) }];
  });
  return files.sort(
    (a, b) => Number(b.complete) - Number(a.complete) || b.version - a.version || (a.path < b.path ? 1 : -1),
  );
}

/** Removes all files of a view but these, with what is left beside others. */
export function removeOthers(folder: string, name: string, kept: string[]): void {
  const pattern = new RegExp(`^${name}\\.v\\d+(\\.\\w+)?\\.sqlite`);
  for (const file of readdirSync(folder)) {
    const database = pattern.exec(file)?.[0];
    if (database !== undefined && !kept.includes(join(folder, database))) rmSync(join(folder, file), { force: true });
  }
}

/**
 * Opens a file, made where it is missing, for `use`.
 * @throws Error when it is damaged, modified, or cannot be read, written or migrated; what `use` throws. It is closed then.
 */
export function openViewFile<T>(file: string, fingerprint: Fingerprint, migrations: URL, use: (db: Database) => T): T {
  const db = openDatabase(file);
  try {
    fingerprint.begin(db);
    db.$client.exec(`
      CREATE TABLE IF NOT EXISTS view_checkpoints (
        stream TEXT PRIMARY KEY, sequence INTEGER NOT NULL, created TEXT NOT NULL, last_taken TEXT NOT NULL
      ) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS view_properties (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    `);
    createOutbox(db);
    migrate(db, migrations);
    return use(db);
  } catch (error) {
    db.$client.close();
    fingerprint.abandon();
    throw error;
  }
}

/** Whether a file holds a view that caught up with its streams once. Changes nothing. */
function isCompleteFile(file: string): boolean {
  try {
    const db = openForReading(file);
    try {
      return isComplete(db);
    } finally {
      db.$client.close();
    }
  } catch {
    return false;
  }
}

/** Whether a view has caught up with its streams once. @throws Error when it is no view. */
export function isComplete(db: Database): boolean {
  return db.$client.prepare("SELECT 1 FROM view_properties WHERE name = 'complete'").get() !== undefined;
}

/** Says that it has. */
export function setComplete(db: Database): void {
  db.$client.prepare("INSERT OR REPLACE INTO view_properties (name, value) VALUES ('complete', '1')").run();
}
