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

/** Opens a file as a view does. @throws Error when it is not as its fingerprint says. */
function open(file: string): WatchedDatabase {
  const watched = new WatchedDatabase(file);
  watched.db.$client.exec('CREATE TABLE IF NOT EXISTS notes (text TEXT NOT NULL)');
  return watched;
}

/** A file in a folder of its own, with some rows. */
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
  const { db, watched, file } = notes;
  assert.equal(watched.look(), 'own');
  watched.committed(1000);
  assert.ok(statSync(file).size < 80_000, 'a short log stays');
  watched.committed(10);
  assert.ok(statSync(file).size >= 80_000, 'a long one goes to the file');
  assert.equal(watched.look(), 'own');
  write(db, 5);
  assert.equal(watched.look(), 'own', 'the log begins anew');
  const copy = killed(file);
  const again = open(copy);
  assert.equal(again.look(), 'own');
  again.close();
  watched.close();
  const next = open(file);
  assert.equal(next.db.$client.prepare('SELECT count(*) FROM notes').pluck().get(), 25);
  next.close();
});

test('behind a checkpoint that took too long the next ones are made of a shorter log, but not of a very short one', () => {
  using notes = openNotes();
  const { db, watched, file } = notes;
  const goesToTheFile = (most: number, withinMs?: number): boolean => {
    const before = statSync(file).size;
    watched.committed(most, withinMs);
    return statSync(file).size > before;
  };
  const noTime = 1e-9;
  assert.ok(!goesToTheFile(50, noTime), 'how long one takes is not known yet');
  assert.ok(goesToTheFile(10, noTime));
  write(db, 20);
  assert.ok(!goesToTheFile(100, noTime), 'it is less than a quarter');
  assert.ok(!goesToTheFile(50), 'nobody waits');
  assert.ok(!goesToTheFile(50, 1e9), 'it has the time');
  assert.ok(goesToTheFile(50, noTime));
  watched.close();
});

test('a checkpoint while somebody reads goes as far as it can, and is no change by others', () => {
  using notes = openNotes();
  const { db, watched, file } = notes;
  watched.checkpoint();
  const reader = openForReading(file);
  const rows = reader.$client.prepare('SELECT text FROM notes').iterate();
  rows.next();
  write(db, 50);
  const before = statSync(file).size;
  watched.checkpoint();
  assert.deepEqual([statSync(file).size, watched.look()], [before, 'own']);
  rows.return?.();
  reader.$client.close();
  const copy = killed(file);
  const again = open(copy);
  again.close();
  watched.checkpoint();
  assert.ok(statSync(file).size > before);
  assert.equal(watched.look(), 'own');
  watched.close();
});

for (const [what, change] of Object.entries({
  'an older copy in its place': (file: string, older: string) => copyFileSync(older, file),
  'an older copy instead of it': (file: string, older: string) => renameSync(older, file),
  'an older copy with its time and size': (file: string, older: string) => {
    const { mtime, atime } = statSync(file);
    copyFileSync(older, file);
    utimesSync(file, atime, mtime);
  },
  'an older copy instead of it, with its time and size': (file: string, older: string) => {
    const { mtime, atime } = statSync(file);
    renameSync(older, file);
    utimesSync(file, atime, mtime);
  },
})) {
  test(`${what} is noticed, and not hidden by a checkpoint, nor by closing the file`, () => {
    using notes = openNotes();
    const { db, watched, file } = notes;
    watched.checkpoint();
    copyFileSync(file, `${file}-older`);
    db.$client.exec("UPDATE notes SET text = 'later'");
    watched.checkpoint();
    change(file, `${file}-older`);
    assert.equal(watched.look(), 'modified');
    watched.checkpoint();
    assert.equal(watched.look(), 'modified');
    watched.close();
    assert.throws(() => open(file));
  });

  test(`${what} is noticed at the next start`, () => {
    using notes = openNotes();
    const { watched, file } = notes;
    watched.close();
    copyFileSync(file, `${file}-older`);
    const later = open(file);
    later.db.$client.exec("UPDATE notes SET text = 'later'");
    later.close();
    change(file, `${file}-older`);
    assert.throws(() => open(file), /somebody else/);
  });
}

test('an older log is noticed, while the file is open and at the next start', () => {
  using notes = openNotes();
  const { db, watched, file } = notes;
  copyFileSync(`${file}-wal`, `${file}-older`);
  watched.checkpoint();
  write(db, 5);
  assert.equal(watched.look(), 'own');
  const copy = killed(file);
  copyFileSync(`${file}-older`, `${copy}-wal`);
  assert.throws(() => open(copy), /somebody else/);
  copyFileSync(`${file}-older`, `${file}-wal`);
  assert.equal(watched.look(), 'modified');
  watched.abandon();
});

test('a log that was deleted is noticed, while the file is open and at the next start', () => {
  using notes = openNotes();
  const { watched, file } = notes;
  const copy = killed(file);
  rmSync(`${copy}-wal`);
  assert.throws(() => open(copy), /somebody else/);
  rmSync(`${file}-wal`);
  assert.equal(watched.look(), 'gone');
  watched.close();
  const closed = open(join(file, '..', 'another.sqlite'));
  closed.close();
  writeFileSync(join(file, '..', 'another.sqlite-wal'), 'a log');
  assert.throws(() => open(join(file, '..', 'another.sqlite')), /somebody else/);
});

test('what another connection writes is noticed', () => {
  using notes = openNotes();
  const { watched, file } = notes;
  const other = openDatabase(file);
  write(other, 1);
  other.$client.close();
  assert.equal(watched.look(), 'modified');
  watched.close();
});

test('without a fingerprint, or behind a checkpoint that was broken off, the file is checked as a whole', () => {
  using notes = openNotes();
  const { watched, file } = notes;
  watched.close();
  const brokenOff = (): string => {
    const mark = JSON.parse(readFileSync(`${file}.mark`, 'utf8'));
    return JSON.stringify({ ...mark, stat: null, tokens: [5, ...mark.tokens] });
  };
  for (const text of [() => '', brokenOff]) {
    writeFileSync(`${file}.mark`, text());
    const sound = open(file);
    sound.close();
  }
  const bytes = readFileSync(file).fill(0xa5, 4096);
  writeFileSync(file, bytes);
  rmSync(`${file}.mark`);
  assert.throws(() => open(file), /damaged|malformed/);
});

test('a file that is known to be sound is not read from end to end', () => {
  using notes = openNotes();
  const { watched, file } = notes;
  watched.close();
  rmSync(`${file}.mark`);
  // What is said of a row that nobody asks for.
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill(0xa5, bytes.length - 4096));
  assert.throws(() => new WatchedDatabase(file), /damaged/);
  const sound = new WatchedDatabase(file, true);
  assert.equal(sound.look(), 'own');
  sound.close();
  assert.ok(existsSync(`${file}.mark`));
});
