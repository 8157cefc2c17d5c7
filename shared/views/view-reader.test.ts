import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { test } from 'vitest';
import { temporaryFolder } from '../../tests/folder.ts';
import { CommittedVersion } from './cache.ts';
import { openDatabase } from './database.ts';
import { ViewReader } from './view-reader.ts';

test('what a snapshot of before shows is not kept for the version behind it', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'likes.sqlite');
  const { $client: writer } = openDatabase(file);
  using _ = { [Symbol.dispose]: () => void writer.close() };
  writer.exec('CREATE TABLE likes (count INTEGER); INSERT INTO likes VALUES (0)');
  const version = new CommittedVersion();
  const reader = new ViewReader(file, version, ({ $client }) => $client.prepare('SELECT count FROM likes').pluck());
  const count = (): unknown => reader.cache.cached('count', () => reader.queries.get());
  assert.equal(count(), 0);
  await nextTurn();

  // Another query of this turn has begun a snapshot when the view worker commits.
  assert.equal(reader.queries.get(), 0);
  writer.transaction(() => {
    writer.exec('UPDATE likes SET count = 1');
    version.committing();
  })();
  version.committed();
  assert.equal(count(), 1);
  await nextTurn();
  assert.equal(count(), 1);
  reader.close();
});
