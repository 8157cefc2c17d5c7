import assert from 'node:assert/strict';
import { test } from 'vitest';
import { groupOf, keeps, partOf } from './partition.ts';
import { batch, movie, openRanking, vote } from './testing.ts';

test('assigns each movie to one part, and makes parts of equal size', () => {
  for (const of of [2, 3, 4, 64]) {
    const sizes = new Map<number, number>();
    for (let movieId = 1; movieId <= 6400; movieId++) {
      const part = partOf(movieId, { of });
      sizes.set(part, (sizes.get(part) ?? 0) + 1);
      for (let number = 0; number < of; number++) assert.equal(keeps({ number, of }, movieId), number === part);
    }
    assert.equal(sizes.size, of);
    for (const size of sizes.values()) assert.ok(Math.abs(size - 6400 / of) <= 1, `${size} of 6400 in one of ${of}`);
  }
  assert.equal(keeps(undefined, 7), true);
  assert.equal(groupOf({ number: 2, of: 4 }), '2-of-4');
});

test('distributes the rows of an unpartitioned view over the parts without overlap', () => {
  const movies = Array.from({ length: 9 }, (_, index) =>
    movie(index + 1, { title: `Film ${index}`, genres: ['Drama'] }),
  );
  const votes = movies.flatMap((_, index) => [
    vote(index + 1, 'ann'),
    batch([1, 5, 7].map((step) => ({ movieId: ((index + step) % 9) + 1, voterId: `v${index}`, liked: index % 3 > 0 }))),
  ]);
  using whole = openRanking();
  const parts = [0, 1, 2, 3].map((number) => openRanking({ number, of: 4 }));
  for (const view of [whole, ...parts]) view.apply(...movies, ...votes);
  const expected = whole.rows();
  const byMovie = (a: Record<string, unknown>, b: Record<string, unknown>): number => {
    const key = (row: Record<string, unknown>): string =>
      [row.genre_key ?? '', String(row.movie_id).padStart(9), row.voter_id, row.site].join(' ');
    return key(a) < key(b) ? -1 : 1;
  };
  for (const table of ['votes', 'tallies', 'ranked'] as const) {
    const rows = parts.flatMap((part) => part.rows()[table] as Record<string, unknown>[]);
    assert.deepEqual(rows.sort(byMovie), (expected[table] as Record<string, unknown>[]).sort(byMovie), table);
    for (const part of parts) assert.ok(part.rows()[table].length <= Math.ceil(expected[table].length / 3), table);
  }
  for (const part of parts) part[Symbol.dispose]();
});

test('keeps the use of a key in every part', () => {
  using view = openRanking({ number: 0, of: 2 });
  view.apply(movie(2, { title: 'Two' }), vote(1, 'ann', true, {}, 'k'), vote(2, 'ann', true, {}, 'k'));
  assert.equal(view.queries.likes(2), 0, 'the key belongs to a movie of the other part');
  assert.deepEqual(
    view.queries.usesOf('k').map(({ movieId }) => movieId),
    [1],
  );
});
