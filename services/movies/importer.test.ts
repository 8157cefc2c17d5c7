import assert from 'node:assert/strict';
import { test } from 'vitest';
import { Importer } from './importer.ts';
import { movieOf, openMovies } from './testing.ts';

test('a third attempt returns the results of the first, although the second ran out of time', async () => {
  using movies = openMovies();
  const { queries } = movies;
  const stored = Promise.withResolvers<void>();
  const execute = async (decide: () => unknown): Promise<unknown> => {
    const message = decide();
    await stored.promise;
    return message;
  };
  const known = (movieId: number) => {
    const found = queries.get(movieId);
    return { fields: found && movieOf(JSON.parse(found.document)), revision: found?.revision ?? 0 };
  };
  const context = { view: { queries }, commands: { execute }, config: { site: 'main' } };
  const importer = new Importer(context as never, known);
  const attempt = (inMs: number) =>
    importer.import(
      [movieOf({ title: 'Heat' })],
      { ids: 'free', fill: false, newIdsAbove: 0, importId: 'one' },
      Date.now() + inMs,
    );

  const first = attempt(60_000);
  await assert.rejects(attempt(-1), /Another import is working on the same films/);
  movies.state({ movieId: 1, fields: movieOf({ title: 'Heat' }) });
  stored.resolve();
  const added = [{ outcome: 'added', movieId: 1 }];
  assert.deepEqual(await first, added);
  assert.deepEqual(await attempt(60_000), added);
});
