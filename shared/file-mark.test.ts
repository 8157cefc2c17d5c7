import assert from 'node:assert/strict';
import { appendFileSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../tests/folder.ts';
import { until } from '../tests/until.ts';
import { type Database, openDatabase, removeDatabase } from './database.ts';
import { FileMark } from './file-mark.ts';
import { createLogger } from './log.ts';

const checkpointPages = 10_000;
const manyPages = 12_000;
const lines: { msg: string; reason: string }[] = [];
const log = createLogger('test', 'warn', { write: (line: string) => void lines.push(JSON.parse(line)) });

function open(file: string): { db: Database; mark: FileMark } {
  const db = openDatabase(file);
  const mark = new FileMark(file, checkpointPages, log);
  mark.begin(db);
  return { db, mark };
}

function write(db: Database, pages: number): void {
  db.exec('CREATE TABLE IF NOT EXISTS notes (text TEXT NOT NULL)');
  const insert = db.prepare('INSERT INTO notes VALUES (?)');
  db.transaction(() => {
    for (let i = 0; i < pages; i++) insert.run('x'.repeat(4000));
  })();
}

function count(db: Database): number {
  return db.prepare('SELECT count(*) FROM notes').pluck().get() as number;
}

const pagesIn = (file: string): number => statSync(file).size / 4096;

/** As a start would find it after a crash at this moment. */
const trusted = (file: string): boolean => new FileMark(file, checkpointPages, log).trust() === 'untouched';

test('a long log goes to the file while its writer goes on', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'view.sqlite');
  const { db, mark } = open(file);
  write(db, 2000);
  mark.applied(db, 2000);
  assert.ok(trusted(file), 'a short log stays');

  write(db, manyPages);
  mark.applied(db, manyPages);
  assert.ok(pagesIn(file) < 100, 'the transaction does not wait for the checkpoint');
  assert.ok(!trusted(file), 'a crash now would leave a file that is half written');
  write(db, 100);
  await until(() => trusted(file), 'the checkpoint is made');
  assert.ok(pagesIn(file) >= 2000 + manyPages + 100, `${pagesIn(file)} pages are in the file`);
  assert.equal(mark.touched(), false, 'its own checkpoint is no change by others');

  const [state] = db.pragma('wal_checkpoint(NOOP)') as { log: number; checkpointed: number }[];
  assert.equal(state?.checkpointed, state?.log, 'also what was written meanwhile, so that the log begins anew');
  assert.equal(count(db), 2000 + manyPages + 100);
  mark.end();
  mark.written(() => db.close());
});

test('a file that is closed in the middle of a checkpoint is as this process left it', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'view.sqlite');
  const { db, mark } = open(file);
  write(db, manyPages);
  mark.applied(db, manyPages);
  await until(() => pagesIn(file) > 100, 'the thread is copying');
  mark.end();
  mark.written(() => db.close());
  assert.ok(trusted(file));
});

test('where the thread cannot make a checkpoint the writer does, and says so', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'view.sqlite');
  const { db, mark } = open(file);
  write(db, manyPages);
  // The writer has it open all the same.
  unlinkSync(file);
  mark.applied(db, manyPages);
  await until(() => lines.length > 0, 'a line in the log');
  assert.match(lines[0]?.reason ?? '', /unable to open database file/);
  const [state] = db.pragma('wal_checkpoint(NOOP)') as { log: number; checkpointed: number }[];
  assert.equal(state?.checkpointed, state?.log);
  mark.end();
  db.close();
});

test('what another has written is not hidden by a checkpoint, nor by closing the file', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'view.sqlite');
  const { db, mark } = open(file);
  appendFileSync(file, 'x');
  write(db, manyPages);
  mark.applied(db, manyPages);
  assert.equal(mark.touched(), true);
  mark.end();
  mark.written(() => db.close());
  assert.equal(new FileMark(file, checkpointPages, log).trust(), 'touched');
});

test('a file can be removed in the middle of a checkpoint, and another take its place at once', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'view.sqlite');
  const other = join(folder.path, 'other.sqlite');
  // Twice: the thread is being started at first, and at work the second time.
  for (const pages of [10, 20]) {
    const { db, mark } = open(file);
    write(db, manyPages);
    mark.applied(db, manyPages);
    if (pages === 20) await until(() => pagesIn(file) > 100, 'the thread is copying');
    mark.end();
    db.close();
    removeDatabase(file);

    const { db: next, mark: nextMark } = open(file);
    write(next, pages);

    // The thread does one after the other: behind this one it has done with the first.
    const { db: otherDb, mark: otherMark } = open(other);
    write(otherDb, manyPages);
    otherMark.applied(otherDb, manyPages);
    await until(() => trusted(other), 'the thread works on');
    otherMark.written(() => otherDb.close());

    assert.equal(nextMark.touched(), false);
    assert.ok(trusted(file));
    next.close();
    const again = openDatabase(file);
    assert.equal(count(again), pages);
    again.close();
    removeDatabase(file);
    removeDatabase(other);
  }
});
