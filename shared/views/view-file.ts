/** The file of a view: how it is opened to be written, and what it says of itself. */
import { statSync } from 'node:fs';
import { type Database, migrate, openDatabase, openForReading, removeDatabase } from './database.ts';
import type { Fingerprint } from './fingerprint.ts';
import { prepareBookkeeping } from './projection.ts';

/**
 * Opens a file, made where it is missing, for `use`.
 * @throws Error when it is damaged, or cannot be read, written or migrated; what `use` throws. It is closed then.
 */
export function openViewFile<T>(file: string, mark: Fingerprint, migrations: URL, use: (db: Database) => T): T {
  const exists = statSync(file, { throwIfNoEntry: false }) !== undefined;
  // What was beside a file that is gone belongs to nothing.
  if (!exists) removeDatabase(file);
  const trust = exists ? mark.trust() : 'untouched';
  if (trust === 'touched') throw new Error('somebody else has written to the file');
  const db = openDatabase(file);
  let close = (): unknown => db.$client.close();
  try {
    if (trust === 'unsure' && db.$client.pragma('quick_check(1)', { simple: true }) !== 'ok') {
      throw new Error('the file is damaged');
    }
    mark.begin(db);
    close = () => mark.written(() => db.$client.close());
    prepareBookkeeping(db);
    migrate(db, migrations);
    return use(db);
  } catch (error) {
    close();
    throw error;
  }
}

/** Whether a file holds a view that caught up with its streams once. Changes nothing. */
export function isCompleteFile(file: string): boolean {
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

/** Whether a view has caught up with its streams once. */
export function isComplete(db: Database): boolean {
  const exists = db.$client.prepare("SELECT 1 FROM sqlite_master WHERE name = 'view_properties'").get();
  if (!exists) return false;
  const row = db.$client
    .prepare<[], { value: string }>("SELECT value FROM view_properties WHERE name = 'complete'")
    .get();
  return row?.value === '1';
}

/** Says that it has. */
export function setComplete(db: Database): void {
  db.$client.prepare("INSERT OR REPLACE INTO view_properties (name, value) VALUES ('complete', '1')").run();
}
