import assert from 'node:assert/strict';
import { test } from 'vitest';
import { movieOf, openMovies } from './testing.ts';

test('a movie that was asked for before is shown as it is now', () => {
  using movies = openMovies();
  const title = (): string | undefined => {
    const found = movies.queries.get(1);
    return found && JSON.parse(found.document).title;
  };
  assert.equal(title(), undefined);
  movies.state({ movieId: 1, fields: movieOf({ title: 'Alien' }) });
  assert.equal(title(), 'Alien');
  assert.equal(movies.queries.get(1)?.revision, 1);
  movies.state(
    { movieId: 1, fields: movieOf({ title: 'Aliens' }) },
    { movieId: 2, fields: movieOf({ title: 'Dune' }) },
  );
  assert.equal(title(), 'Aliens');
  assert.equal(movies.queries.get(1)?.revision, 2);
  movies.state({ movieId: 1, fields: null });
  assert.equal(title(), undefined);
});

test('a change whose transaction failed is not shown', () => {
  using movies = openMovies();
  movies.state({ movieId: 1, fields: movieOf({ title: 'Alien' }) });
  movies.queries.get(1);
  const failing = movies.db.$client.transaction(() => {
    movies.state({ movieId: 1, fields: movieOf({ title: 'Aliens' }) });
    throw new Error('the transaction fails');
  });
  assert.throws(failing);
  movies.abandon();
  assert.equal(JSON.parse(movies.queries.get(1)?.document ?? '{}').title, 'Alien');
});
