import assert from 'node:assert/strict';
import { appendFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { temporaryFolder } from '../../tests/folder.ts';
import { until } from '../../tests/until.ts';
import { Checkpoint } from './checkpoints.ts';
import { type Database, openDatabase, openForReading } from './database.ts';
import { Fingerprint } from './fingerprint.ts';

const checkpointPages = 10_000;
const manyPages = 12_000;

function open(file: string, begin?: (file: string) => Checkpoint): { db: Database; mark: Fingerprint } {
  const db = openDatabase(file);
  const mark = new Fingerprint(file, checkpointPages, begin);
  mark.begin(db);
  return { db, mark };
}

function write(db: Database, pages: number): void {
  db.$client.exec('CREATE TABLE IF NOT EXISTS notes (text TEXT NOT NULL)');
  const insert = db.$client.prepare('INSERT INTO notes VALUES (?)');
  db.$client.transaction(() => {
    for (let i = 0; i < pages; i++) insert.run('x'.repeat(4000));
  })();
}

function count(db: Database): number {
  return db.$client.prepare('SELECT count(*) FROM notes').pluck().get() as number;
}

const pagesIn = (file: string): number => statSync(file).size / 4096;

/** As a start would find it after a crash at this moment. */
const trusted = (file: string): boolean => new Fingerprint(file, checkpointPages).trust() === 'untouched';

test('a long log goes to the file behind the transaction that made it long', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'view.sqlite');
  const { db, mark } = open(file);
  write(db, 2000);
  mark.applied(db, 2000, true);
  assert.ok(pagesIn(file) < 100, 'a short log stays');
  assert.ok(trusted(file));
  write(db, manyPages);
  mark.applied(db, manyPages, false);
  assert.ok(pagesIn(file) < 100, 'so does that of a view that is built, which may be longer');
  mark.applied(db, manyPages, true);
  assert.ok(pagesIn(file) >= 2000 + manyPages, `${pagesIn(file)} pages are in the file`);
  assert.ok(trusted(file));
  assert.equal(mark.touched(), false, 'its own checkpoint is no change by others');
  const [state] = db.$client.pragma('wal_checkpoint(NOOP)') as { log: number; checkpointed: number }[];
  assert.equal(state?.checkpointed, state?.log, 'all of it, so that the log begins anew');
  assert.equal(count(db), 2000 + manyPages);
  mark.written(() => db.$client.close());
});

test('a checkpoint while somebody reads goes as far as it can, and the next one further', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'view.sqlite');
  const { db, mark } = open(file);
  write(db, 10);
  const reader = openForReading(file);
  const rows = reader.$client.prepare('SELECT text FROM notes').iterate();
  rows.next();
  write(db, manyPages);
  mark.applied(db, manyPages, true);
  assert.ok(pagesIn(file) < 100, 'what the reader sees stays as it is');
  rows.return?.();
  reader.$client.close();
  write(db, 10);
  mark.applied(db, manyPages, true);
  assert.ok(pagesIn(file) >= manyPages);
  assert.ok(trusted(file));
  mark.written(() => db.$client.close());
});

test('what another has written is not hidden by a checkpoint, nor by closing the file', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'view.sqlite');
  const { db, mark } = open(file);
  appendFileSync(file, 'x');
  write(db, manyPages);
  mark.applied(db, manyPages, true);
  assert.equal(mark.touched(), true);
  mark.written(() => db.$client.close());
  assert.equal(new Fingerprint(file, checkpointPages).trust(), 'touched');
});

/** A file whose checkpoints are made aside, with what is known of each. */
function openAside(file: string) {
  const begun: Checkpoint[] = [];
  const begin = (path: string): Checkpoint => {
    const one = new Checkpoint(path);
    begun.push(one);
    return one;
  };
  return { ...open(file, begin), begun };
}

test('a checkpoint made aside holds up nobody, and a short rest of the log is copied behind it', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'view.sqlite');
  const { db, mark, begun } = openAside(file);
  write(db, manyPages);
  mark.applied(db, manyPages, false);
  assert.equal(begun.length, 0, 'nobody waits for a view that is built');
  mark.applied(db, manyPages, true);
  const [first] = begun;
  assert.ok(first);
  assert.ok(!trusted(file), 'after a crash in the middle of it the next start looks for itself');
  assert.equal(mark.touched(), false);
  write(db, 10);
  await until(() => first.ended, 'the checkpoint');
  assert.ok(pagesIn(file) >= manyPages);
  mark.applied(db, 10, true);
  assert.equal(begun.length, 1);
  const [state] = db.$client.pragma('wal_checkpoint(NOOP)') as { log: number; checkpointed: number }[];
  assert.equal(state?.checkpointed, state?.log, 'the log begins anew');
  assert.ok(trusted(file));
  assert.equal(mark.touched(), false);
  appendFileSync(file, 'x');
  assert.equal(mark.touched(), true, 'another is noticed again');
  db.$client.close();
});

test('a log that has grown much meanwhile is copied aside again, a few times', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'view.sqlite');
  const { db, mark, begun } = openAside(file);
  write(db, manyPages);
  for (let n = 1; n <= 4; n++) {
    mark.applied(db, manyPages, true);
    write(db, checkpointPages * 0.6);
    assert.equal(begun.length, Math.min(n, 3));
    await until(() => begun.at(-1)?.ended, 'the checkpoint');
  }
  assert.ok(trusted(file), 'the last was made here');
  mark.written(() => db.$client.close());
  assert.ok(trusted(file));
});

test('a file is closed only behind the checkpoint that is made aside', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'view.sqlite');
  const { db, mark, begun } = openAside(file);
  write(db, manyPages);
  mark.applied(db, manyPages, true);
  mark.written(() => {
    assert.ok(begun[0]?.ended);
    db.$client.close();
  });
  assert.ok(trusted(file));
  const again = openAside(file);
  write(again.db, manyPages);
  again.mark.applied(again.db, manyPages, true);
  again.mark.settle();
  assert.ok(again.begun[0]?.ended);
  assert.equal(count(again.db), 2 * manyPages);
  again.db.$client.close();
});

test('a file that is replaced while a checkpoint is made aside is not taken for the own one', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'view.sqlite');
  const { db, mark, begun } = openAside(file);
  write(db, manyPages);
  mark.applied(db, manyPages, true);
  renameSync(file, `${file}.away`);
  writeFileSync(file, 'x');
  await until(() => begun[0]?.ended, 'the checkpoint');
  assert.equal(mark.touched(), true);
  db.$client.close();
});

test('a checkpoint of a file that is not there ends, and makes none', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'none.sqlite');
  const one = new Checkpoint(file);
  await until(() => one.ended, 'the checkpoint');
  assert.equal(statSync(file, { throwIfNoEntry: false }), undefined);
});
