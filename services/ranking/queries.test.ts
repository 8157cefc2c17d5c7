import assert from 'node:assert/strict';
import { test } from 'vitest';
import { encodeCursor } from '../../shared/operations/cursor.ts';
import { AppError } from '../../shared/operations/errors.ts';
import { fold } from '../movies/contract.ts';
import { randomOf } from '../movies/testing.ts';
import { type RankBy, rankingPages } from './pages.ts';
import { weightedRating } from './scores.ts';
import { batch, movie, openRanking, type Ranking, vote } from './testing.ts';

const orders: readonly RankBy[] = ['likes', 'trending', 'rating'];
const weekMs = 7 * 24 * 3600 * 1000;
const now = Date.UTC(2026, 5, 1);

/** Returns whether an error is a 400 for the cursor. */
const refusedCursor = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'invalid' && error.fields?.[0]?.field === 'cursor';

interface Film {
  movieId: number;
  title: string;
  genres: string[];
  rating: number | null;
  votes: number | null;
  /** Age of each like, in weeks. */
  likes: number[];
}

/** Makes films with many equal sort keys, so that pages end among ties. */
function randomFilms(seed: number, count: number): Film[] {
  const random = randomOf(seed);
  return Array.from({ length: count }, (_, index) => ({
    movieId: (index + 1) * 3,
    title: random.pick(['Alien', 'alien', 'Élan', 'Elan', 'Zulu', '七人の侍', '1984', 'a b', 'A-B']),
    genres: ['Drama', 'Sci-Fi', 'drama', 'Comédie', 'War'].filter(() => random.int(3) === 0),
    rating: random.int(5) === 0 ? null : random.int(4) * 2.5,
    votes: random.int(5) === 0 ? null : random.int(3) * 10_000,
    likes: random.pick([[], [], [0], [2], [0, 0, 1], [1, 2]]),
  }));
}

function viewOf(films: Film[]): Ranking {
  const view = openRanking();
  view.apply(...films.map(({ movieId, likes: _, ...fields }) => movie(movieId, fields)));
  const likes = films.flatMap(({ movieId, likes }) =>
    likes.map((weeks, index) => vote(movieId, `v${index}`, true, { time: now - weeks * weekMs })),
  );
  view.apply(...likes);
  return view;
}

/** Computes the expected ranking in plain JavaScript. */
function expected(films: Film[], by: RankBy, genre?: string): number[] {
  const scores: Record<RankBy, (film: Film) => number> = {
    likes: ({ likes }) => likes.length,
    trending: ({ likes }) => likes.reduce((sum, weeks) => sum + 0.5 ** weeks, 0),
    rating: ({ rating, votes }) => weightedRating(rating, votes),
  };
  const score = scores[by];
  const titles = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return films
    .filter(({ genres }) => genre === undefined || genres.some((name) => fold(name) === fold(genre)))
    .sort(
      (a, b) =>
        score(b) - score(a) ||
        (by === 'rating' ? 0 : (b.rating ?? 0) - (a.rating ?? 0)) ||
        titles(fold(a.title), fold(b.title)) ||
        a.movieId - b.movieId,
    )
    .map(({ movieId }) => movieId);
}

test('sorts by likes, then rating, then title, then id', () => {
  using view = openRanking();
  view.apply(
    movie(5, { title: 'Brazil', rating: 7 }),
    movie(4, { title: 'alien', rating: 7 }),
    movie(3, { title: 'Álien', rating: 7 }),
    movie(2, { title: 'Zulu', rating: 8 }),
    movie(6, { title: 'Unrated' }),
    movie(1, { title: 'Liked', rating: 1 }),
    vote(1, 'ann'),
  );
  assert.deepEqual(view.walk(), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(view.rank().items[0], { rank: 1, movieId: 1, title: 'Liked', likes: 1, rating: 1 });
  assert.equal(view.rank().items[5]?.rating, null);
});

test('prefers recent likes by trend, and the number of likes by likes', () => {
  using view = openRanking();
  view.apply(...['Old', 'Tied', 'New', 'None'].map((title, index) => movie(index + 1, { title, rating: index })));
  const likes = (movieId: number, weeks: number, count: number) =>
    Array.from({ length: count }, (_, n) => vote(movieId, `v${n}`, true, { time: now - weeks * weekMs }));
  // Four likes from two weeks ago weigh as much as one from today.
  view.apply(...likes(1, 2, 3), ...likes(2, 2, 4), ...likes(3, 0, 1));
  assert.deepEqual(view.walk({ by: 'likes' }), [2, 1, 3, 4]);
  assert.deepEqual(view.walk({ by: 'trending' }), [3, 2, 1, 4]);
  view.apply(vote(1, 'one more', true, { time: now }));
  assert.deepEqual(view.walk({ by: 'trending' }), [1, 3, 2, 4]);
  view.apply(vote(3, 'v0', false, { time: now }));
  assert.deepEqual(view.walk({ by: 'trending' }), [1, 2, 4, 3], 'movies without likes are sorted by rating');
});

test('weights ratings by their votes, and ignores likes, when ranking by rating', () => {
  using view = openRanking();
  view.apply(
    movie(1, { title: 'Perfect for three', rating: 10, votes: 3 }),
    movie(2, { title: 'Great for many', rating: 9, votes: 500_000 }),
    movie(3, { title: 'Poor for many', rating: 3, votes: 500_000 }),
    movie(4, { title: 'Unknown', votes: 500_000 }),
    vote(3, 'ann'),
  );
  assert.deepEqual(view.walk({ by: 'rating' }), [2, 1, 3, 4]);
});

test('returns the expected order for every ranking, genre and page size', () => {
  for (const seed of [1, 2, 3]) {
    const films = randomFilms(seed, 80);
    using view = viewOf(films);
    for (const by of orders) {
      for (const genre of [undefined, 'DRAMA', 'sci-FI', 'comedie', 'Cómèdie', 'None']) {
        const wanted = expected(films, by, genre);
        for (const limit of [1, 2, 7, 500]) {
          const found = view.walk({ by, limit, ...(genre === undefined ? {} : { genre }) });
          assert.deepEqual(found, wanted, `seed ${seed} by ${by}, genre ${genre}, ${limit} a page`);
        }
      }
    }
  }
});

test('continues the ranks across pages of different sizes', () => {
  using view = viewOf(randomFilms(4, 30));
  for (const by of orders) {
    const ranks: number[] = [];
    let cursor: string | undefined;
    for (const limit of [1, 2, 3, 5, 8, 500]) {
      const { items, next } = view.rank({ by, limit, cursor });
      ranks.push(...items.map(({ rank }) => rank));
      cursor = next ?? undefined;
    }
    assert.equal(cursor, undefined);
    assert.deepEqual(
      ranks,
      Array.from({ length: 30 }, (_, index) => index + 1),
    );
  }
});

test('returns no cursor when the last page is full', () => {
  using view = viewOf(randomFilms(5, 10));
  assert.equal(view.rank({ limit: 10 }).next, null);
  assert.ok(view.rank({ limit: 9 }).next);
  assert.equal(view.queries.votes({ limit: 10 }).next, null);
});

test('keeps the next page stable when movies are added, removed or liked', () => {
  const films = randomFilms(6, 40);
  for (const by of orders) {
    using view = viewOf(films);
    const first = view.rank({ by, limit: 10 });
    const rest = view.rank({ by, limit: 500, cursor: first.next ?? '' }).items.map(({ movieId }) => movieId);
    view.apply(
      movie(first.items[2]?.movieId as number, null),
      movie(rest[0] as number, null),
      movie(1000, { title: 'New and loved', rating: 10, votes: 1e6 }),
      batch(
        Array.from({ length: 9 }, (_, n) => ({ movieId: 1000, voterId: `fan${n}`, liked: true })),
        { time: now },
      ),
    );
    const after = view.rank({ by, limit: 500, cursor: first.next ?? '' }).items.map(({ movieId }) => movieId);
    assert.deepEqual(after, rest.slice(1), by);
  }
});

test('lists the likes of all movies by id, in pages', () => {
  const films = randomFilms(7, 25);
  using view = viewOf(films);
  const found = [];
  for (let cursor: string | undefined; ; ) {
    const { items, next } = view.queries.votes({ limit: 4, cursor: cursor });
    found.push(...items);
    if (next === null) break;
    cursor = next;
  }
  assert.deepEqual(
    found,
    films.map(({ movieId, title, likes }) => ({ movieId, title, likes: likes.length })),
  );
});

test('refuses a cursor of another ranking', () => {
  using view = viewOf(randomFilms(8, 30));
  const { next } = view.rank({ by: 'likes', genre: 'drama', limit: 1 });
  assert.ok(next);
  assert.equal(view.rank({ by: 'likes', genre: 'DRAMA', limit: 1, cursor: next }).items[0]?.rank, 2);
  for (const other of [{ by: 'trending', genre: 'drama' }, { by: 'likes' }, { by: 'likes', genre: 'war' }] as const) {
    assert.throws(() => view.rank({ ...other, cursor: next }), refusedCursor, JSON.stringify(other));
  }
  assert.throws(() => view.queries.votes({ limit: 5, cursor: next }), refusedCursor);
  assert.throws(() => view.rank({ cursor: view.queries.votes({ limit: 5 }).next ?? '' }), refusedCursor);
});

test('refuses a cursor with invalid values', () => {
  using view = viewOf(randomFilms(9, 30));
  const scope = 'ranking likes ';
  assert.equal(view.rank({ cursor: encodeCursor(scope, [1, 5, 'alien', 3, 10]) }).items[0]?.rank, 11);
  const keys = [
    ['1', 5, 'alien', 3, 10],
    [null, 5, 'alien', 3, 10],
    [1, '5', 'alien', 3, 10],
    [1, 5, 7, 3, 10],
    [1, 5, null, 3, 10],
    [1, 5, 'alien', 1.5, 10],
    [1, 5, 'alien', 3, 'ten'],
    [1, 5, 'alien', 3, null],
    [1, 5, 'alien', 3, 1e300],
    [1, 5, 'alien', 3, -1],
    [1, 5, 'alien', 3],
    [1, 5, 'alien', 3, 10, 1],
  ];
  for (const bad of keys) {
    assert.throws(() => view.rank({ cursor: encodeCursor(scope, bad) }), refusedCursor, JSON.stringify(bad));
  }
  for (const bad of ['x', null, 1.5]) {
    assert.throws(
      () => view.queries.votes({ limit: 5, cursor: encodeCursor('votes', [bad]) }),
      refusedCursor,
      String(bad),
    );
  }
});

test('reads each page by index ranges without a sort, with ties too', () => {
  using view = openRanking();
  for (const by of orders) {
    const { first, next } = rankingPages(view.db, by);
    const column = by === 'rating' ? 'weighted' : by;
    const same = by === 'rating' ? '' : ' AND sort_rating=?';
    const wanted = {
      [first.toSQL().sql]: ['(genre_key=?)'],
      [next.toSQL().sql]: [
        `(genre_key=? AND ${column}=?${same} AND (title_key,movie_id)>(?,?))`,
        ...(by === 'rating' ? [] : [`(genre_key=? AND ${column}=? AND sort_rating<?)`]),
        `(genre_key=? AND ${column}<?)`,
      ],
    };
    for (const [sql, ranges] of Object.entries(wanted)) {
      const plan = view.db.$client
        .prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
        .all(Array.from(sql.matchAll(/\?/g), () => 1));
      const details = plan.map(({ detail }) => detail).filter((detail) => !/^(MERGE|LEFT$|RIGHT$)/.test(detail));
      assert.deepEqual(
        details,
        ranges.map((range) => `SEARCH ranked USING INDEX ranked_by_${by} ${range}`),
      );
    }
  }
});
