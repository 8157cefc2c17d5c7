import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { test } from 'vitest';
import { migrate, openDatabase } from '../../shared/views/database.ts';
import { temporaryFolder } from '../../tests/folder.ts';
import { rankingQueries } from './queries.ts';
import { vote } from './testing.ts';
import { votesProjection } from './votes-projection.ts';

const migrations = new URL('./migrations/', import.meta.url);

/** A folder with the first migrations, as an older version had them. */
function firstMigrations(path: string, count: number): URL {
  const from = fileURLToPath(migrations);
  const { entries } = JSON.parse(readFileSync(join(from, 'meta/_journal.json'), 'utf8')) as {
    entries: { tag: string }[];
  };
  mkdirSync(join(path, 'meta'));
  writeFileSync(join(path, 'meta/_journal.json'), JSON.stringify({ entries: entries.slice(0, count) }));
  for (const { tag } of entries.slice(0, count)) cpSync(join(from, `${tag}.sql`), join(path, `${tag}.sql`));
  return pathToFileURL(`${path}/`);
}

test('rows of a view of before 0002 are ranked, and voted on, as they were', () => {
  using folder = temporaryFolder();
  const db = openDatabase(join(folder.path, 'view.sqlite'));
  migrate(db, firstMigrations(folder.path, 2));
  const rank = db.$client.prepare('INSERT INTO ranked VALUES (?, ?, ?, lower(?), 8, ?, 8, 0, 7)');
  for (const genreKey of ['', 'drama']) {
    rank.run(genreKey, 1, 'Alien', 'Alien', 1);
    rank.run(genreKey, 2, 'Brazil', 'Brazil', 2);
  }
  db.$client.exec(
    "INSERT INTO tallies VALUES (1, 1, 0), (2, 2, 0); INSERT INTO ranked_genres VALUES (1, char(10) || 'drama')",
  );
  migrate(db, migrations);

  const queries = rankingQueries(db);
  const order = (): number[] =>
    queries.rank({ genre: 'Drama', by: 'likes', limit: 5 }).items.map((item) => item.movieId);
  assert.deepEqual(order(), [2, 1]);
  const projection = votesProjection(db);
  db.$client.transaction(() => {
    for (const voterId of ['ann', 'bob']) projection.apply(vote(1, voterId));
    projection.finish?.();
  })();
  assert.deepEqual(order(), [1, 2]);
  assert.equal(queries.likes(1), 3);
  db.$client.close();
});
