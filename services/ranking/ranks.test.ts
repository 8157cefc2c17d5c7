import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { randomOf } from '../movies/testing.ts';
import { type RankBy, type RankInput, rangeOf } from './pages.ts';
import { staleTallies } from './ranks.ts';
import { movie, openRanking, type Ranking, since, vote } from './testing.ts';
import { votesProjection } from './votes-projection.ts';

const genres = ['Drama', 'War', 'Music'];
const weekMs = 7 * 24 * 3600 * 1000;

function viewOf(films: number): Ranking {
  const random = randomOf(films);
  const view = openRanking();
  const titles = ['Alien', 'Élan', '\u{1f3ac}', '\uffe5', 'a b'];
  const made = Array.from({ length: films }, (_, index) => {
    const own = genres.filter(() => random.int(2) === 0);
    return movie(index + 1, { title: random.pick(titles), genres: own, rating: random.int(3) }, { time: 1 });
  });
  view.apply(...made);
  return view;
}

/** Applies votes in one transaction without writing ranks. */
function applyOnly(view: Ranking, projection: Projection, votes: StoredEvent[]): void {
  view.db.$client.transaction(() => {
    for (const event of votes) projection.apply(event);
    projection.finish?.();
  })();
}

function randomVotes(seed: number, count: number, films: number): StoredEvent[] {
  const random = randomOf(seed);
  return Array.from({ length: count }, (_, index) => {
    const at = { time: since + random.int(4) * weekMs, sequence: seed * 10_000 + index };
    return vote(1 + random.int(films), `v${random.int(9)}`, random.int(4) > 0, at);
  });
}

test('shows every like on a page before all ranks are written', () => {
  const films = 40;
  let leftForLater = 0;
  for (let seed = 1; seed <= 12; seed++) {
    using lazy = viewOf(films);
    using eager = viewOf(films);
    const projection = votesProjection(lazy.db);
    const give = (from: number, count: number): void => {
      applyOnly(lazy, projection, randomVotes(from, count, films));
      eager.apply(...randomVotes(from, count, films));
    };
    const random = randomOf(seed);
    for (let round = 0; round < 6; round++) {
      give(seed * 100 + round, 30);
      const genre = random.pick([undefined, ...genres]);
      const by = random.pick<RankBy>(['likes', 'trending', 'rating']);
      const scope: RankInput = { ...(genre === undefined ? {} : { genre }), by, limit: 1 + random.int(7) };
      for (let cursor: string | undefined, page = 0; page < 3; page++) {
        const input = { ...scope, cursor };
        projection.flush?.(rangeOf(input));
        const shown = lazy.rank(input);
        assert.deepEqual(shown, eager.rank(input), JSON.stringify({ seed, round, input }));
        if (shown.next === null) break;
        cursor = shown.next;
      }
      leftForLater += projection.pending ?? 0;
    }
    while (projection.pending) projection.flush?.();
    assert.deepEqual(lazy.rows(), eager.rows());
  }
  assert.ok(leftForLater > 0, 'some ranks were left for later');
});

test('writes only the ranks of movies on the requested page', () => {
  const films = 500;
  using view = viewOf(films);
  const projection = votesProjection(view.db);
  applyOnly(
    view,
    projection,
    Array.from({ length: films }, (_, index) => vote(index + 1, 'ann')),
  );
  projection.flush?.(rangeOf({ by: 'likes', limit: 10 }));
  assert.ok((projection.pending ?? 0) >= films - 22, `${projection.pending} are left`);
});

test('writes no ranks of a transaction that was rolled back', () => {
  using view = viewOf(3);
  const projection = votesProjection(view.db);
  const failed = (): void =>
    view.db.$client.transaction(() => {
      projection.apply(vote(1, 'ann'));
      projection.finish?.();
      throw new Error('the disk is full');
    })();
  assert.throws(failed, /full/);
  projection.abandon?.();
  assert.equal(projection.pending, 0);
  applyOnly(view, projection, [vote(2, 'ann')]);
  projection.flush?.();
  assert.deepEqual(
    view
      .rank()
      .items.map(({ movieId, likes }) => [movieId, likes])
      .sort(),
    [
      [1, 0],
      [2, 1],
      [3, 0],
    ],
  );
});

test('continues with the stale ranks of an earlier process', () => {
  const films = 250;
  using view = viewOf(films);
  const likes = (voter: string, from: number): StoredEvent[] =>
    Array.from({ length: films - from }, (_, index) => vote(from + index + 1, voter));
  const first = votesProjection(view.db);
  applyOnly(view, first, likes('ann', 0));
  first.flush?.();
  applyOnly(view, first, likes('bob', 200));
  first.flush?.();
  first.flush?.();
  // The movies of the first queue are written and their notes deleted. The movies that became stale later are left.
  assert.ok((first.pending ?? 0) > 0);
  const second = votesProjection(view.db);
  assert.equal(second.pending, first.pending);
  while (second.pending) second.flush?.();
  assert.equal(votesProjection(view.db).pending, 0);
  assert.equal(view.db.$client.prepare('SELECT count(*) FROM stale_ranks').pluck().get(), 0);
  const wrong = view.rank({ limit: 500 }).items.filter(({ movieId, likes }) => likes !== (movieId > 200 ? 2 : 1));
  assert.deepEqual(wrong, []);
});

/** Runs one step of completing a new view. @returns false when nothing is left to do */
const completeStep = (view: Ranking, projection: Projection): boolean =>
  view.db.$client.transaction(() => projection.complete?.())() !== undefined;

/** Returns the names of all tables and indices. */
const schemaOf = (view: Ranking) =>
  view.db.$client.prepare("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY 1").all();

/** Steps to complete a view: votes, ranks of all movies, and three indices. */
const steps = 5;
const films = 40;

/** Makes two views of the same events: one that is not completed yet, and one with incremental ranks. */
function builtAndIncremental() {
  const made = Array.from({ length: films }, (_, index) =>
    movie(index + 1, { title: `Film ${index}`, genres: ['Drama', 'War'] }, { time: 1 }),
  );
  const events = [
    ...randomVotes(1, 100, films),
    ...made.slice(0, 30),
    ...randomVotes(2, 100, films),
    ...made.slice(20),
  ];
  const views = [openRanking(undefined, false), openRanking()] as const;
  for (const view of views) view.apply(...events);
  return views;
}

test('completes a new view with the same rows when its process ends after any step', () => {
  for (let done = 0; done <= steps; done++) {
    const [first, second] = builtAndIncremental();
    using built = first;
    using incremental = second;
    const before = votesProjection(built.db);
    for (let i = 0; i < done; i++) assert.ok(completeStep(built, before));
    const later = randomVotes(3, 100, films);
    applyOnly(built, before, later.slice(0, 50));
    const projection = votesProjection(built.db);
    applyOnly(built, projection, later.slice(50));
    incremental.apply(...later);
    while (completeStep(built, projection));
    while (projection.pending) projection.flush?.();
    assert.deepEqual(built.rows(), incremental.rows(), `ended after ${done}`);
    assert.deepEqual(schemaOf(built), schemaOf(incremental));
    applyOnly(built, projection, randomVotes(4, 100, films));
    incremental.apply(...randomVotes(4, 100, films));
    assert.ok((projection.pending ?? 0) > 0);
    while (projection.pending) projection.flush?.();
    assert.deepEqual(built.rows(), incremental.rows());
  }
});

test('repeats a step of completing a view when its transaction fails', () => {
  for (let done = 0; done < steps; done++) {
    const [first, second] = builtAndIncremental();
    using built = first;
    using incremental = second;
    const projection = votesProjection(built.db);
    for (let i = 0; i < done; i++) completeStep(built, projection);
    const failed = (): void =>
      built.db.$client.transaction(() => {
        projection.complete?.();
        throw new Error('the disk is full');
      })();
    assert.throws(failed, /full/);
    projection.abandon?.();
    applyOnly(built, projection, randomVotes(3, 100, films));
    incremental.apply(...randomVotes(3, 100, films));
    while (completeStep(built, projection));
    while (projection.pending) projection.flush?.();
    assert.deepEqual(built.rows(), incremental.rows(), `failed after ${done}`);
    assert.deepEqual(schemaOf(built), schemaOf(incremental), `failed after ${done}`);
  }
});

test('completes a view with more votes and movies than one step handles', () => {
  using built = openRanking(undefined, false);
  using incremental = openRanking();
  const many = 10_500;
  const events = [
    ...Array.from({ length: many }, (_, index) => movie(index + 1, { title: 'Film' }, { time: 1 })),
    ...randomVotes(5, 21_000, 1000),
  ];
  for (const view of [built, incremental]) view.apply(...events);
  const projection = votesProjection(built.db);
  let count = 0;
  const cache = built.db.$client.pragma('cache_size');
  while (completeStep(built, projection)) {
    // The earlier votes of some of these movies have been applied, those of others have not.
    if (++count > 1) continue;
    const later = randomVotes(6, 5000, 1000);
    applyOnly(built, projection, later);
    incremental.apply(...later);
  }
  assert.equal(count, steps + 3);
  assert.deepEqual(built.db.$client.pragma('cache_size'), cache);
  assert.deepEqual(built.rows(), incremental.rows());
});

test('finds stale ranks by scanning stale_ranks once', () => {
  using view = openRanking();
  const { sql, params } = staleTallies(view.db).toSQL();
  const plan = view.db.$client.prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all(...params);
  const [first, ...others] = plan.map(({ detail }) => detail);
  assert.match(first ?? '', /^SCAN stale_ranks/);
  assert.ok(others.length > 0 && others.every((detail) => detail.startsWith('SEARCH')), others.join());
});
