import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import { del, get, type Replica, type System, startSystem, until } from '../../tests/harness.ts';
import { movies } from './contract.ts';
import type { MoviePage } from './testing.ts';

let system: System;
let replicas: Replica[];
beforeAll(async () => {
  system = await startSystem();
  replicas = await system.start('movies', 'movies');
});
afterAll(() => system[Symbol.asyncDispose]());

type Input = Parameters<typeof movies.import.input.parse>[0];
const ask = async (input: unknown) =>
  (await system.caller.ask(movies.import, input as never, { timeoutMs: 10_000 })).results;

/** Waits until the first replica shows `count` films of a year with distinct titles, and returns them. */
const found = (year: number, count: number): Promise<MoviePage['items']> =>
  until(async () => {
    const { items } = (await get<MoviePage>(`${replicas[0]?.url}/movies?year=${year}&limit=500`)).body;
    const titles = new Set(items.map(({ title }) => title));
    return items.length === count && titles.size === count ? items : undefined;
  }, `${count} films of ${year}`);

test('films in several concurrent imports are stored once, whatever their ids', async () => {
  const films = (from: number) =>
    Array.from({ length: 60 }, (_, i) => ({ movieId: from + i, title: `Reel ${i}`, year: 1901, director: 'Ann Lee' }));
  const withoutIds = films(1).map(({ movieId: _, ...film }) => film);
  const inputs: Input[] = [1000, 2000, 3000, 4000].map((from) => ({ movies: films(from) }));
  const all = await Promise.all([...inputs, { movies: withoutIds }, { movies: withoutIds.toReversed() }].map(ask));
  const items = await found(1901, 60);
  const shown = new Map(items.map(({ title, movieId }) => [title, movieId]));
  for (const result of all[0] ?? []) assert.notEqual(result.outcome, 'refused');
  // Every import with ids returned the ids under which the films are stored.
  all.slice(0, 4).forEach((results) => {
    for (const [i, { movieId }] of results.entries()) assert.equal(movieId, shown.get(`Reel ${i}`));
  });
});

test('a film that occurs twice in one import is stored once', async () => {
  const film = { title: 'Twice', year: 1902, director: 'Ann Lee' };
  const results = await ask({ movies: [film, { ...film, rating: 5 }, { title: 'Other', year: 1902 }, film] });
  assert.deepEqual(
    results.map(({ outcome }) => outcome),
    ['added', 'updated', 'added', 'unchanged'],
  );
  await until(async () => {
    const ratings = (await found(1902, 2)).map(({ title, rating }) => `${title} ${rating}`);
    return ratings.sort().join() === 'Other null,Twice 5';
  }, 'both films with their ratings');
});

test('a repeated import returns the results of its first attempt', async () => {
  await using other = await startSystem();
  await other.start('movies');
  const askOther = async (titles: string[], importId?: string): Promise<string[]> => {
    const input = { movies: titles.map((title) => ({ title, year: 1906 })), importId };
    const { results } = await other.caller.ask(movies.import, input, { timeoutMs: 10_000 });
    return results.map(({ outcome, movieId }) => `${outcome} ${movieId}`);
  };
  assert.deepEqual(await askOther(['One', 'Two'], 'first'), ['added 1', 'added 2']);
  assert.deepEqual(await askOther(['One', 'Two'], 'first'), ['added 1', 'added 2']);
  assert.deepEqual(await askOther(['One', 'Two'], 'first'), ['added 1', 'added 2']);
  assert.deepEqual(await askOther(['One', 'Three'], 'second'), ['unchanged 1', 'added 3']);
  assert.deepEqual(await askOther(['One', 'Two']), ['unchanged 1', 'unchanged 2']);
});

test('new films get ids that no movie has or had, above newIdsAbove', async () => {
  const [first] = await ask({ movies: [{ title: 'First', year: 1903 }] });
  await del(`${replicas[0]?.url}/movies/${first?.movieId}`);
  const [second] = await ask({ movies: [{ title: 'Second', year: 1903 }] });
  assert.ok((second?.movieId ?? 0) > (first?.movieId ?? 0));
  const taken = { movieId: second?.movieId, title: 'Third', year: 1903 };
  const [third] = await ask({ movies: [taken], newIdsAbove: 50_000 });
  assert.deepEqual(third, { outcome: 'added', movieId: 50_001 });
  const [refused] = await ask({ movies: [{ ...taken, title: 'Fourth' }], ids: 'keep' });
  assert.equal(refused?.outcome, 'refused');
  assert.match(refused?.reason ?? '', /belongs to “Second” \(1903\)/);
});

test('new films get ids from gaps when the highest possible id is taken', async () => {
  const last = 2_147_483_647;
  await ask({ movies: [{ movieId: last, title: 'Last', year: 1904 }] });
  for (const { url } of replicas) {
    await until(async () => (await get(`${url}/movies/${last}`)).status === 200, 'the last id');
  }
  const before = new Set((await found(1901, 60)).map(({ movieId }) => movieId));
  const results = await ask({ movies: ['A', 'B', 'C'].map((name) => ({ title: `Gap ${name}`, year: 1904 })) });
  const given = results.map(({ movieId }) => movieId ?? 0);
  assert.equal(new Set(given).size, 3);
  for (const id of given) assert.ok(id > 0 && id < 1000 && !before.has(id), String(id));
});

test('an import merges genres that differ only in case or accents', async () => {
  const genres = ['Drama', 'drama', 'War', 'DRAMA', 'Dráma'];
  await ask({ movies: [{ movieId: 700, title: 'Genres', year: 1905, genres }] });
  const [item] = await found(1905, 1);
  assert.deepEqual(item?.genres, ['Drama', 'War']);
});
