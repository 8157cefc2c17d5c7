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
import { Fingerprint } from './fingerprint.ts';

/** Opens a file as a view does. @throws Error when it is not as its fingerprint says. */
function open(file: string): { db: Database; fingerprint: Fingerprint } {
  const fingerprint = new Fingerprint(file);
  const db = openDatabase(file);
  try {
    fingerprint.begin(db);
  } catch (error) {
    db.$client.close();
    throw error;
  }
  db.$client.exec('CREATE TABLE IF NOT EXISTS notes (text TEXT NOT NULL)');
  return { db, fingerprint };
}

/** A file in a folder of its own, with some rows. */
function openNotes() {
  const folder = temporaryFolder();
  const file = join(folder.path, 'view.sqlite');
  const opened = open(file);
  write(opened.db, 20);
  return { ...opened, file, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

function write(db: Database, pages: number): void {
  const insert = db.$client.prepare('INSERT INTO notes VALUES (?)');
  db.$client.transaction(() => {
    for (let i = 0; i < pages; i++) insert.run('x'.repeat(4000));
  })();
}

/** What a process that is killed leaves behind, copied to another place: nothing that it had is let go. */
function killed(file: string): string {
  const copy = `${file}-copy`;
  for (const suffix of ['', '-wal', '-shm', '.mark']) {
    rmSync(copy + suffix, { force: true });
    if (existsSync(file + suffix)) execFileSync('cp', ['-p', file + suffix, copy + suffix]);
  }
  return copy;
}

test('a file is its own, also behind its checkpoints and at the next start', () => {
  using notes = openNotes();
  const { db, fingerprint, file } = notes;
  assert.equal(fingerprint.look(db), 'own');
  fingerprint.committed(db, 1000);
  assert.ok(statSync(file).size < 80_000, 'a short log stays');
  fingerprint.committed(db, 10);
  assert.ok(statSync(file).size >= 80_000, 'a long one goes to the file');
  assert.equal(fingerprint.look(db), 'own');
  write(db, 5);
  assert.equal(fingerprint.look(db), 'own', 'the log begins anew');
  const copy = killed(file);
  const again = open(copy);
  assert.equal(again.fingerprint.look(again.db), 'own');
  again.fingerprint.close(again.db);
  fingerprint.close(db);
  const next = open(file);
  assert.equal(next.db.$client.prepare('SELECT count(*) FROM notes').pluck().get(), 25);
  next.fingerprint.close(next.db);
});

test('a checkpoint while somebody reads goes as far as it can, and is no change by others', () => {
  using notes = openNotes();
  const { db, fingerprint, file } = notes;
  fingerprint.checkpoint(db);
  const reader = openForReading(file);
  const rows = reader.$client.prepare('SELECT text FROM notes').iterate();
  rows.next();
  write(db, 50);
  const before = statSync(file).size;
  fingerprint.checkpoint(db);
  assert.deepEqual([statSync(file).size, fingerprint.look(db)], [before, 'own']);
  rows.return?.();
  reader.$client.close();
  const copy = killed(file);
  const again = open(copy);
  again.fingerprint.close(again.db);
  fingerprint.checkpoint(db);
  assert.ok(statSync(file).size > before);
  assert.equal(fingerprint.look(db), 'own');
  fingerprint.close(db);
});

for (const [what, change] of Object.entries({
  'an older copy in its place': (file: string, older: string) => copyFileSync(older, file),
  'an older copy instead of it': (file: string, older: string) => renameSync(older, file),
  'an older copy with its time and size': (file: string, older: string) => {
    const { mtime, atime } = statSync(file);
    copyFileSync(older, file);
    utimesSync(file, atime, mtime);
  },
})) {
  test(`${what} is noticed, and not hidden by a checkpoint, nor by closing the file`, () => {
    using notes = openNotes();
    const { db, fingerprint, file } = notes;
    fingerprint.checkpoint(db);
    copyFileSync(file, `${file}-older`);
    db.$client.exec("UPDATE notes SET text = 'later'");
    fingerprint.checkpoint(db);
    change(file, `${file}-older`);
    assert.equal(fingerprint.look(db), 'modified');
    fingerprint.checkpoint(db);
    assert.equal(fingerprint.look(db), 'modified');
    fingerprint.close(db);
    assert.throws(() => open(file));
  });

  test(`${what} is noticed at the next start`, () => {
    using notes = openNotes();
    const { db, fingerprint, file } = notes;
    fingerprint.close(db);
    copyFileSync(file, `${file}-older`);
    const later = open(file);
    later.db.$client.exec("UPDATE notes SET text = 'later'");
    later.fingerprint.close(later.db);
    change(file, `${file}-older`);
    assert.throws(() => open(file), /somebody else/);
  });
}

test('an older log is noticed, while the file is open and at the next start', () => {
  using notes = openNotes();
  const { db, fingerprint, file } = notes;
  copyFileSync(`${file}-wal`, `${file}-older`);
  fingerprint.checkpoint(db);
  write(db, 5);
  assert.equal(fingerprint.look(db), 'own');
  const copy = killed(file);
  copyFileSync(`${file}-older`, `${copy}-wal`);
  assert.throws(() => open(copy), /somebody else/);
  copyFileSync(`${file}-older`, `${file}-wal`);
  assert.equal(fingerprint.look(db), 'modified');
  db.$client.close();
  fingerprint.abandon();
});

test('a log that was deleted is noticed, while the file is open and at the next start', () => {
  using notes = openNotes();
  const { db, fingerprint, file } = notes;
  const copy = killed(file);
  rmSync(`${copy}-wal`);
  assert.throws(() => open(copy), /somebody else/);
  rmSync(`${file}-wal`);
  assert.equal(fingerprint.look(db), 'gone');
  fingerprint.close(db);
  const closed = open(join(file, '..', 'another.sqlite'));
  closed.fingerprint.close(closed.db);
  writeFileSync(join(file, '..', 'another.sqlite-wal'), 'a log');
  assert.throws(() => open(join(file, '..', 'another.sqlite')), /somebody else/);
});

test('what another connection writes is noticed', () => {
  using notes = openNotes();
  const { db, fingerprint, file } = notes;
  const other = openDatabase(file);
  write(other, 1);
  other.$client.close();
  assert.equal(fingerprint.look(db), 'modified');
  fingerprint.close(db);
});

test('without a fingerprint, or behind a checkpoint that was broken off, the file is checked as a whole', () => {
  using notes = openNotes();
  const { db, fingerprint, file } = notes;
  fingerprint.close(db);
  const brokenOff = (): string => {
    const mark = JSON.parse(readFileSync(`${file}.mark`, 'utf8'));
    return JSON.stringify({ ...mark, stat: null, tokens: [5, ...mark.tokens] });
  };
  for (const text of [() => '', brokenOff]) {
    writeFileSync(`${file}.mark`, text());
    const sound = open(file);
    sound.fingerprint.close(sound.db);
  }
  const bytes = readFileSync(file).fill(0xa5, 4096);
  writeFileSync(file, bytes);
  rmSync(`${file}.mark`);
  assert.throws(() => open(file), /damaged|malformed/);
});
