import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { test } from 'vitest';
import { temporaryFolder } from '../../tests/folder.ts';
import { openDatabase } from './database.ts';
import { prepareErrorOf, ViewReader } from './view-reader.ts';

test('an answer is cached at its second request until the file changes, and is never older than a query', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'likes.sqlite');
  const { $client: writer } = openDatabase(file);
  using _ = { [Symbol.dispose]: () => void writer.close() };
  writer.exec('CREATE TABLE likes (count INTEGER); INSERT INTO likes VALUES (0)');
  const reader = new ViewReader(file, ({ $client }) => $client.prepare('SELECT count FROM likes').pluck());
  let made = 0;
  const count = () =>
    reader.cached('count', (queries) => {
      made++;
      return queries.get();
    });
  assert.deepEqual([count(), count(), count(), made], [0, 0, 0, 2]);
  await nextTurn();
  assert.deepEqual([count(), made], [0, 2]);

  // All queries of a turn see the same state unless the snapshot is ended early.
  writer.exec('UPDATE likes SET count = 1');
  assert.deepEqual([reader.queries.get(), count()], [0, 0]);
  reader.endSnapshot();
  assert.deepEqual([count(), reader.queries.get(), made], [1, 1, 3]);
  writer.exec('UPDATE likes SET count = 2');
  await nextTurn();
  assert.deepEqual([reader.queries.get(), count(), count(), made], [2, 2, 2, 5]);
  await nextTurn();
  // An uncommitted transaction is not visible.
  writer.exec('BEGIN; UPDATE likes SET count = 3');
  assert.deepEqual([count(), made], [2, 5]);
  writer.exec('COMMIT');
  await nextTurn();
  assert.deepEqual([count(), made], [3, 6]);
  reader.close();
});

test('the cache is cleared when it is full, and does not cache undefined', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'empty.sqlite');
  openDatabase(file).$client.close();
  const cache = new ViewReader(file, () => ({}));
  let made = 0;
  const number = (key: string | number = 'key'): number => cache.cached(key, () => ++made);
  assert.deepEqual([number(), number(), number(), number(1), number(1), number(1)], [1, 2, 2, 3, 4, 4]);
  const large = (key: number) => cache.cached(`${key}`, () => ({ document: 'x'.repeat(1_500_000), revision: 1 }));
  for (let key = 0; key < 10; key++) large(key);
  assert.equal(number(), 2);
  for (let key = 0; key < 3; key++) large(key);
  assert.equal(number(), 5);
  for (let times = 0; times < 2; times++)
    assert.equal(
      cache.cached('none', () => undefined),
      undefined,
    );
  assert.equal(
    cache.cached('none', () => 'there'),
    'there',
  );
  cache.close();
});

test('queries can be prepared while an index is created', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'names.sqlite');
  const { $client: db } = openDatabase(file);
  using _ = { [Symbol.dispose]: () => void db.close() };
  db.exec('CREATE TABLE movies (year INTEGER); CREATE VIRTUAL TABLE names USING fts5(words)');
  const indexing = `import(${JSON.stringify(new URL('./database.ts', import.meta.url).href)}).then(({ openDatabase }) => {
    const { $client: db } = openDatabase(${JSON.stringify(file)});
    for (;;) db.exec('CREATE INDEX movies_year ON movies (year); DROP INDEX movies_year');
  });`;
  await using _worker = new Worker(indexing, { eval: true });
  const version = db.prepare<[], number>('PRAGMA schema_version').pluck();
  const first = version.get() ?? 0;
  while ((version.get() ?? 0) < first + 500)
    assert.equal(
      prepareErrorOf(file, ({ $client }) => $client.prepare('SELECT rowid FROM names WHERE names MATCH ?')),
      undefined,
    );
});
