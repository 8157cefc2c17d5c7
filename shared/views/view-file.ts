/** The files of a view: their names, and the tables that each holds besides those of its service. */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { SnapshotInfo } from '../broker/snapshot-bucket.ts';
import { messageOf } from '../operations/errors.ts';
import type { Logger } from '../process/log.ts';
import { type Database, migrate, openDatabase } from './database.ts';

let lastId = 0;

/** Returns a unique path for a new file of a view, such as `movies.v3.mfx2k1c0.sqlite`. */
export function newFile(folder: string, name: string, version: number): string {
  lastId = Math.max(lastId + 1, Date.now());
  return join(folder, `${name}.v${version}.${lastId.toString(36)}.sqlite`);
}

/** Yields every file that belongs to a view: databases, their companion files (such as `-wal`), and leftovers. */
function* filesIn(folder: string, name: string) {
  const pattern = new RegExp(`^${name}\\.v(\\d+)(\\.\\w+)?\\.sqlite`);
  for (const file of readdirSync(folder)) {
    const [database, version] = pattern.exec(file) ?? [];
    if (database) yield { path: join(folder, file), database: join(folder, database), version: Number(version) };
  }
}

/** Returns the database files of a view, the newest version first and within a version the newest file first. */
export function filesOf(folder: string, name: string): { path: string; version: number }[] {
  const files = [...filesIn(folder, name)].filter(({ path, database }) => path === database);
  return files.sort((a, b) => b.version - a.version || (a.path < b.path ? 1 : -1));
}

/** Removes all files of a view except the databases in `kept` and their companion files. */
export function removeOthers(folder: string, name: string, kept: (string | undefined)[], log: Logger): void {
  for (const { path: file, database } of filesIn(folder, name)) {
    try {
      if (!kept.includes(database)) rmSync(file, { force: true });
    } catch (error) {
      // The view works without it, but the file takes space on the disk.
      log.warn({ file, reason: messageOf(error) }, 'removing an old view file failed');
    }
  }
}

/** Creates the tables of a view, or migrates them to the newest schema. @throws Error if a migration fails */
export function prepareTables(db: Database, migrations: URL): void {
  db.$client.exec(`
    CREATE TABLE IF NOT EXISTS view_checkpoints (
      stream TEXT PRIMARY KEY, sequence INTEGER NOT NULL, created TEXT NOT NULL, last_taken TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS view_properties (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS view_outbox (
      stream TEXT NOT NULL, created TEXT NOT NULL, sequence INTEGER NOT NULL, stored_at INTEGER NOT NULL,
      subject TEXT NOT NULL, headers TEXT NOT NULL, data BLOB NOT NULL, reason TEXT NOT NULL,
      PRIMARY KEY (stream, created, sequence)
    ) WITHOUT ROWID;
  `);
  migrate(db, migrations);
}

/** Returns whether the file's build was finished, so that queries may be answered from it. */
export function isComplete(db: Database): boolean {
  return db.$client.prepare("SELECT 1 FROM view_properties WHERE name = 'complete'").get() !== undefined;
}

export function setComplete(db: Database): void {
  db.$client.prepare("INSERT OR REPLACE INTO view_properties (name, value) VALUES ('complete', '1')").run();
}

/**
 * Turns a copy of a view's file into a snapshot, which is not complete: a replica first compares it with its streams.
 * @returns the metadata to store with the snapshot
 */
export function prepareSnapshot(copy: string, version: number, group: string | undefined): SnapshotInfo {
  const { $client: client } = openDatabase(copy);
  try {
    client.exec("DELETE FROM view_properties WHERE name = 'complete'; PRAGMA application_id = 0");
    client.prepare("INSERT OR REPLACE INTO view_properties (name, value) VALUES ('version', ?)").run(String(version));
    const checkpoints = client.prepare('SELECT stream, sequence, created FROM view_checkpoints').all();
    return { version, group, checkpoints: checkpoints as SnapshotInfo['checkpoints'], fileBytes: statSync(copy).size };
  } finally {
    client.close();
  }
}

/** Returns the view version that is recorded in a snapshot's file. @throws Error if the file is not a snapshot */
export function versionOfSnapshot(file: string): number {
  const { $client: client } = openDatabase(file);
  try {
    return Number(client.prepare("SELECT value FROM view_properties WHERE name = 'version'").pluck().get());
  } finally {
    client.close();
  }
}
