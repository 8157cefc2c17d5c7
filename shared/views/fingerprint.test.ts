import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { temporaryFolder } from '../../tests/folder.ts';
import { type Database, openDatabase, openForReading } from './database.ts';
import { WatchedDatabase } from './fingerprint.ts';

/** Opens a file as a view does. @throws Error if the file does not match its fingerprint */
function open(file: string): WatchedDatabase {
  const watched = new WatchedDatabase(file);
  watched.db.$client.exec('CREATE TABLE IF NOT EXISTS notes (text TEXT NOT NULL)');
  return watched;
}

/** Opens a file with some rows in a folder of its own. */
function openNotes() {
  const folder = temporaryFolder();
  const file = join(folder.path, 'view.sqlite');
  const watched = open(file);
  const { db } = watched;
  write(db, 20);
  return { watched, db, file, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

function write(db: Database, pages: number): void {
  const insert = db.$client.prepare('INSERT INTO notes VALUES (?)');
  db.$client.transaction(() => {
    for (let i = 0; i < pages; i++) insert.run('x'.repeat(4000));
  })();
}

/** Copies the files as a killed process would leave them. @returns the path of the copy */
function copyAsKilled(file: string): string {
  const copy = `${file}-copy`;
  for (const suffix of ['', '-wal', '-shm', '.mark']) {
    rmSync(copy + suffix, { force: true });
    if (existsSync(file + suffix)) execFileSync('cp', ['-p', file + suffix, copy + suffix]);
  }
  return copy;
}

test('a file counts as unchanged after its own checkpoints and at the next start', () => {
  using notes = openNotes();
  const { db, watched, file } = notes;
  assert.equal(watched.status(), 'unchanged');
  watched.checkpointIfDue(1000);
  assert.ok(statSync(file).size < 80_000, 'a short WAL is not copied');
  watched.checkpointIfDue(10);
  assert.ok(statSync(file).size >= 80_000, 'a long one is copied to the file');
  assert.equal(watched.status(), 'unchanged');
  write(db, 5);
  assert.equal(watched.status(), 'unchanged', 'the WAL restarts from its beginning');
  const copy = copyAsKilled(file);
  const again = open(copy);
  assert.equal(again.status(), 'unchanged');
  again.close();
  watched.close();
  const next = open(file);
  assert.equal(next.db.$client.prepare('SELECT count(*) FROM notes').pluck().get(), 25);
  next.close();
});

test('an open file is not synced on Linux, and is refused after the machine stopped; a closed file is not', () => {
  using notes = openNotes();
  const { db, watched, file } = notes;
  assert.equal(db.$client.pragma('synchronous', { simple: true }), process.platform === 'linux' ? 0 : 1);
  const copy = copyAsKilled(file);
  rmSync(`${copy}.mark`);
  const atStop = openDatabase(copy);
  atStop.$client.pragma(`application_id = ${2 ** 29}`);
  atStop.$client.close();
  assert.throws(() => open(copy), /the machine stopped while the file was open/);
  watched.close();
  const closed = openForReading(file);
  assert.equal(closed.$client.pragma('application_id', { simple: true }), 0);
  closed.$client.close();
});

test('checkpoints are made from a shorter WAL after a slow one, but from at least a quarter of the maximum', () => {
  using notes = openNotes();
  const { db, watched, file } = notes;
  const makesCheckpoint = (maxPages: number, maxMs?: number): boolean => {
    const before = statSync(file).size;
    watched.checkpointIfDue(maxPages, maxMs);
    return statSync(file).size > before;
  };
  const noTime = 1e-9;
  assert.ok(!makesCheckpoint(50, noTime), 'the speed is not known yet');
  assert.ok(makesCheckpoint(10, noTime));
  write(db, 20);
  assert.ok(!makesCheckpoint(100, noTime), 'less than a quarter of the maximum');
  assert.ok(!makesCheckpoint(50), 'no time limit');
  assert.ok(!makesCheckpoint(50, 1e9), 'within the time limit');
  assert.ok(makesCheckpoint(50, noTime));
  watched.close();
});

test('a checkpoint that a reader stops halfway does not count as an external change', () => {
  using notes = openNotes();
  const { db, watched, file } = notes;
  watched.checkpoint();
  const reader = openForReading(file);
  const rows = reader.$client.prepare('SELECT text FROM notes').iterate();
  rows.next();
  write(db, 50);
  const before = statSync(file).size;
  watched.checkpoint();
  assert.deepEqual([statSync(file).size, watched.status()], [before, 'unchanged']);
  rows.return?.();
  reader.$client.close();
  const copy = copyAsKilled(file);
  const again = open(copy);
  again.close();
  watched.checkpoint();
  assert.ok(statSync(file).size > before);
  assert.equal(watched.status(), 'unchanged');
  watched.close();
});

for (const [what, change] of Object.entries({
  'an older copy written over the file': (file: string, older: string) => copyFileSync(older, file),
  'an older copy renamed to the file': (file: string, older: string) => renameSync(older, file),
  'an older copy written over the file with the same time and size': (file: string, older: string) => {
    const { mtime, atime } = statSync(file);
    copyFileSync(older, file);
    utimesSync(file, atime, mtime);
  },
  'an older copy renamed to the file with the same time and size': (file: string, older: string) => {
    const { mtime, atime } = statSync(file);
    renameSync(older, file);
    utimesSync(file, atime, mtime);
  },
})) {
  test(`${what} is detected, also after a checkpoint and after closing the file`, () => {
    using notes = openNotes();
    const { db, watched, file } = notes;
    watched.checkpoint();
    copyFileSync(file, `${file}-older`);
    db.$client.exec("UPDATE notes SET text = 'later'");
    watched.checkpoint();
    change(file, `${file}-older`);
    assert.equal(watched.status(), 'modified');
    watched.checkpoint();
    assert.equal(watched.status(), 'modified');
    watched.close();
    assert.throws(() => open(file));
  });

  test(`${what} is detected at the next start`, () => {
    using notes = openNotes();
    const { watched, file } = notes;
    watched.close();
    copyFileSync(file, `${file}-older`);
    const later = open(file);
    later.db.$client.exec("UPDATE notes SET text = 'later'");
    later.close();
    change(file, `${file}-older`);
    assert.throws(() => open(file), /another program/);
  });
}

test('an older WAL is detected while the file is open and at the next start', () => {
  using notes = openNotes();
  const { db, watched, file } = notes;
  copyFileSync(`${file}-wal`, `${file}-older`);
  watched.checkpoint();
  write(db, 5);
  assert.equal(watched.status(), 'unchanged');
  const copy = copyAsKilled(file);
  copyFileSync(`${file}-older`, `${copy}-wal`);
  assert.throws(() => open(copy), /another program/);
  copyFileSync(`${file}-older`, `${file}-wal`);
  assert.equal(watched.status(), 'modified');
  watched.abandon();
});

test('a deleted WAL is detected while the file is open and at the next start', () => {
  using notes = openNotes();
  const { watched, file } = notes;
  const copy = copyAsKilled(file);
  rmSync(`${copy}-wal`);
  assert.throws(() => open(copy), /another program/);
  rmSync(`${file}-wal`);
  assert.equal(watched.status(), 'deleted');
  watched.close();
  const closed = open(join(file, '..', 'another.sqlite'));
  closed.close();
  writeFileSync(join(file, '..', 'another.sqlite-wal'), 'not empty');
  assert.throws(() => open(join(file, '..', 'another.sqlite')), /another program/);
});

test('a write by another connection is detected', () => {
  using notes = openNotes();
  const { watched, file } = notes;
  const other = openDatabase(file);
  write(other, 1);
  other.$client.close();
  assert.equal(watched.status(), 'modified');
  watched.close();
});

test('the whole file is checked without a fingerprint or after an interrupted checkpoint', () => {
  using notes = openNotes();
  const { watched, file } = notes;
  watched.close();
  const interrupted = (): string => {
    const stored = JSON.parse(readFileSync(`${file}.mark`, 'utf8'));
    return JSON.stringify({ ...stored, stat: null, tokens: [5, ...stored.tokens] });
  };
  for (const text of [() => '', interrupted]) {
    writeFileSync(`${file}.mark`, text());
    const intact = open(file);
    intact.close();
  }
  const bytes = readFileSync(file).fill(0xa5, 4096);
  writeFileSync(file, bytes);
  rmSync(`${file}.mark`);
  assert.throws(() => open(file), /damaged|malformed/);
});

test('a verified file is opened without the full integrity check', () => {
  using notes = openNotes();
  const { watched, file } = notes;
  watched.close();
  rmSync(`${file}.mark`);
  // Damage the last page, which holds a row that is not read here.
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill(0xa5, bytes.length - 4096));
  assert.throws(() => new WatchedDatabase(file), /damaged/);
  const verified = new WatchedDatabase(file, true);
  assert.equal(verified.status(), 'unchanged');
  verified.close();
  assert.ok(existsSync(`${file}.mark`));
});
