/** The files of a view: what they are called, and what each holds beside the rows of its service. */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { AboutSnapshot } from '../broker/snapshot-bucket.ts';
import { type Database, migrate, openDatabase } from './database.ts';

let last = 0;

/** Path of a file that is yet to be made, such as `movies.v3.mfx2k1c0.sqlite`: no two of them are ever taken for one. */
export function newFile(folder: string, name: string, version: number): string {
  last = Math.max(last + 1, Date.now());
  return join(folder, `${name}.v${version}.${last.toString(36)}.sqlite`);
}

/** What is in the folder of a view: its files, and what is beside them or left of others. */
function* listed(folder: string, name: string) {
  const pattern = new RegExp(`^${name}\\.v(\\d+)(\\.\\w+)?\\.sqlite`);
  for (const file of readdirSync(folder)) {
    const [database, version] = pattern.exec(file) ?? [];
    if (database) yield { path: join(folder, file), database: join(folder, database), version: Number(version) };
  }
}

/** The files of a view, the newest version and file first. */
export function filesOf(folder: string, name: string): { path: string; version: number }[] {
  const files = [...listed(folder, name)].filter(({ path, database }) => path === database);
  return files.sort((a, b) => b.version - a.version || (a.path < b.path ? 1 : -1));
}

/** Removes all files of a view but these, with what is left beside others. */
export function removeOthers(folder: string, name: string, kept: (string | undefined)[]): void {
  for (const { path, database } of listed(folder, name)) {
    try {
      if (!kept.includes(database)) rmSync(path);
    } catch {
      // Another's folder, or it is gone already: it is in nobody's way.
    }
  }
}

/** Makes the tables of a view, or brings them to the newest schema. @throws Error where the migrations do not fit. */
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

/** Whether a view has caught up with its streams once. */
export function isComplete(db: Database): boolean {
  return db.$client.prepare("SELECT 1 FROM view_properties WHERE name = 'complete'").get() !== undefined;
}

export function setComplete(db: Database): void {
  db.$client.prepare("INSERT OR REPLACE INTO view_properties (name, value) VALUES ('complete', '1')").run();
}

/**
 * Makes a copy of a view's file a snapshot: one that has not caught up, as it may be read where the streams are others.
 * @returns what has to be said of it
 */
export function prepareSnapshot(copy: string, version: number, group: string | undefined): AboutSnapshot {
  const { $client: client } = openDatabase(copy);
  try {
    client.exec("DELETE FROM view_properties WHERE name = 'complete'");
    client.prepare("INSERT OR REPLACE INTO view_properties (name, value) VALUES ('version', ?)").run(String(version));
    const checkpoints = client.prepare('SELECT stream, sequence, created FROM view_checkpoints').all();
    return { version, group, checkpoints: checkpoints as AboutSnapshot['checkpoints'], fileBytes: statSync(copy).size };
  } finally {
    client.close();
  }
}

/** The version that was said of a snapshot when it was made. @throws Error where the file is none */
export function versionOfSnapshot(file: string): number {
  const { $client: client } = openDatabase(file);
  try {
    return Number(client.prepare("SELECT value FROM view_properties WHERE name = 'version'").pluck().get());
  } finally {
    client.close();
  }
}
