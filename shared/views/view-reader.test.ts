import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { test } from 'vitest';
import { temporaryFolder } from '../../tests/folder.ts';
import { openDatabase } from './database.ts';
import { Cache, ViewReader } from './view-reader.ts';

test('an answer is made once for each version of the file, and never of an older one than a query has shown', async () => {
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
  assert.deepEqual([count(), count(), made], [0, 0, 1]);
  await nextTurn();
  assert.deepEqual([count(), made], [0, 1]);

  // The rest of a turn sees what was there when it began, unless it is told of the change.
  writer.exec('UPDATE likes SET count = 1');
  assert.deepEqual([reader.queries.get(), count()], [0, 0]);
  reader.endSnapshot();
  assert.deepEqual([count(), reader.queries.get(), made], [1, 1, 2]);
  writer.exec('UPDATE likes SET count = 2');
  await nextTurn();
  assert.deepEqual([reader.queries.get(), count(), made], [2, 2, 3]);
  await nextTurn();
  // A transaction that is not committed changes nothing.
  writer.exec('BEGIN; UPDATE likes SET count = 3');
  assert.deepEqual([count(), made], [2, 3]);
  writer.exec('COMMIT');
  await nextTurn();
  assert.deepEqual([count(), made], [3, 4]);
  reader.close();
});

test('it starts anew when it is full, and keeps nothing of what is not there', () => {
  const cache = new Cache();
  let made = 0;
  const number = (key: string | number = 'key'): number => cache.cached(key, () => ++made);
  assert.deepEqual([number(), number(), number(1), number(1)], [1, 1, 2, 2]);
  for (let key = 0; key < 3; key++) cache.cached(`${key}`, () => ({ document: 'x'.repeat(1_500_000), revision: 1 }));
  assert.equal(number(), 3);
  assert.equal(
    cache.cached('none', () => undefined),
    undefined,
  );
  assert.equal(
    cache.cached('none', () => 'there'),
    'there',
  );
});
