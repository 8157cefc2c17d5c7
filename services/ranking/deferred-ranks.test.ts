import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'vitest';
import { migrate, openDatabase } from '../../shared/views/database.ts';
import { temporaryFolder } from '../../tests/folder.ts';
import { catalogueProjection } from './catalogue-projection.ts';
import { KnownLikes } from './known-likes.ts';
import { rankingQueries } from './queries.ts';
import { movie, vote } from './testing.ts';
import { votesProjection } from './votes-projection.ts';

/** Opens the view in a file, as a thread of views does. */
function openFile(file: string) {
  const db = openDatabase(file);
  migrate(db, new URL('./migrations/', import.meta.url));
  const votes = votesProjection(db);
  const catalogue = catalogueProjection(db);
  const queries = rankingQueries(db, new KnownLikes(), () => true);
  const give = (movieId: number, voterId: string): void =>
    db.$client.transaction(() => {
      votes.apply(vote(movieId, voterId));
      votes.finish?.();
    })();
  return {
    db,
    queries,
    give,
    deferred: votes.deferred as NonNullable<typeof votes.deferred>,
    add: (movieId: number) => catalogue.apply(movie(movieId, { title: `Film ${movieId}`, genres: ['Drama'] })),
    ranking: () =>
      queries.rank({ genre: 'Drama', by: 'likes', limit: 5 }).items.map((item) => [item.movieId, item.likes]),
    [Symbol.dispose]: () => void db.$client.close(),
  };
}

test('likes are counted at once, and ranks follow, those of the movie first that has waited for longest', () => {
  using folder = temporaryFolder();
  using view = openFile(join(folder.path, 'view.sqlite'));
  for (const movieId of [1, 2, 3]) view.add(movieId);
  for (const voterId of ['ann', 'bob']) view.give(3, voterId);
  view.give(2, 'ann');
  view.give(3, 'eve');
  assert.deepEqual(
    [1, 2, 3].map((movieId) => view.queries.likes(movieId)),
    [0, 1, 3],
  );
  assert.deepEqual(
    view.queries.votes(5, undefined).items.map(({ likes }) => likes),
    [0, 1, 3],
  );
  assert.deepEqual(view.ranking(), [
    [1, 0],
    [2, 0],
    [3, 0],
  ]);
  assert.equal(view.deferred.size, 2);
  view.deferred.write(1);
  assert.deepEqual(view.ranking(), [
    [3, 3],
    [1, 0],
    [2, 0],
  ]);
  view.deferred.write(10);
  assert.deepEqual(view.ranking(), [
    [3, 3],
    [2, 1],
    [1, 0],
  ]);
  assert.equal(view.deferred.size, 0);
});

test('a movie that comes behind its likes is ranked by them', () => {
  using folder = temporaryFolder();
  using view = openFile(join(folder.path, 'view.sqlite'));
  view.give(1, 'ann');
  assert.equal(view.queries.likes(1), undefined);
  view.add(1);
  assert.deepEqual(view.ranking(), [[1, 1]]);
  assert.equal(view.queries.likes(1), 1);
  view.deferred.write(5);
  assert.deepEqual(view.ranking(), [[1, 1]]);
});

test('ranks that were to follow when a process was killed are known to the next', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'view.sqlite');
  {
    using view = openFile(file);
    for (const movieId of [1, 2]) view.add(movieId);
    view.give(1, 'ann');
    view.deferred.write(1);
    view.give(2, 'ann');
    view.give(2, 'bob');
  }
  using view = openFile(file);
  assert.equal(view.deferred.size, 1);
  assert.deepEqual(view.ranking(), [
    [1, 1],
    [2, 0],
  ]);
  view.deferred.write(1);
  assert.deepEqual(view.ranking(), [
    [2, 2],
    [1, 1],
  ]);
});

test('a transaction that fails leaves ranks and likes as they were', () => {
  using folder = temporaryFolder();
  using view = openFile(join(folder.path, 'view.sqlite'));
  view.add(1);
  view.give(1, 'ann');
  view.db.$client.exec("CREATE TRIGGER full BEFORE UPDATE ON ranked BEGIN SELECT raise(ABORT, 'no room'); END");
  assert.throws(() => view.deferred.write(1), /no room/);
  assert.equal(view.deferred.size, 1);
  view.db.$client.exec('DROP TRIGGER full');
  view.deferred.write(1);
  assert.deepEqual(view.ranking(), [[1, 1]]);
});
