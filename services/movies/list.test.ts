import assert from 'node:assert/strict';
import { test } from 'vitest';
import { encodeCursor } from '../../shared/operations/cursor.ts';
import { AppError } from '../../shared/operations/errors.ts';
import { paging } from '../../shared/operations/fields.ts';
import type { SortField } from './contract.ts';
import { fold } from './fold.ts';
import { type ListInput, type ListShape, listQuery, movieLists, sortingLimit, unknownLast } from './lists.ts';
import { type MoviePage, movieOf, openMovies, randomOf, walk } from './testing.ts';

type Item = MoviePage['items'][number];
type Sort = ListInput['sort'];

const fields: SortField[] = ['movieId', 'title', 'year', 'rating', 'popularity'];
const sorts = fields.flatMap((field): Sort[] => [field, `-${field}`]);

const keys: Record<SortField, (item: Item) => number | string> = {
  movieId: ({ movieId }) => movieId,
  title: ({ title }) => fold(title),
  year: ({ year }) => year ?? 0,
  rating: ({ rating }) => rating ?? 0,
  popularity: ({ votes }) => votes ?? 0,
};

/** Computes the same list in plain JavaScript. */
function expected(all: Item[], { genre, year, minRating, sort }: Partial<ListInput> & { sort: Sort }): number[] {
  const field = sort.replace('-', '') as SortField;
  const sign = sort.startsWith('-') ? -1 : 1;
  const key = (item: Item): number | string => {
    const unknown = (field === 'year' || field === 'rating') && !item[field];
    return unknown ? sign * Number.POSITIVE_INFINITY : keys[field](item);
  };
  const compare = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0);
  return all
    .filter((item) => genre === undefined || item.genres.some((name) => fold(name) === fold(genre)))
    .filter((item) => year === undefined || item.year === year)
    .filter((item) => minRating === undefined || (item.rating ?? 0) >= minRating)
    .sort((a, b) => sign * (compare(key(a), key(b)) || a.movieId - b.movieId))
    .map(({ movieId }) => movieId);
}

/** Opens a catalogue with many equal sort values, so that pages end within ties. */
function randomCatalogue(seed: number, count: number) {
  const random = randomOf(seed);
  const movies = openMovies();
  for (let movieId = 1; movieId <= count; movieId++) {
    const title = random.pick(['Alien', 'alien', 'Élan', 'Elan', 'Zulu', '七人の侍', '1984', 'a b', 'A-B']);
    const genres = ['Drama', 'Sci-Fi', 'drama', 'Comédie', 'War'].filter(() => random.int(3) === 0);
    movies.state({
      movieId: movieId * 3,
      fields: movieOf({
        title,
        genres,
        year: random.int(5) === 0 ? null : 1990 + random.int(4),
        rating: random.int(5) === 0 ? null : random.int(20) / 2,
        votes: random.int(5) === 0 ? null : random.int(6) * 100,
      }),
    });
  }
  return movies;
}

test('returns the right list for every sort and filter, whatever the page size', () => {
  const limitsOf = { 1: [2, 500], 2: [1, 7] };
  for (const [seed, limits] of Object.entries(limitsOf)) {
    using movies = randomCatalogue(Number(seed), 60);
    const all = movies.list({ limit: 500 }).items;
    assert.equal(all.length, 60);
    for (const sort of sorts) {
      for (const genre of [undefined, 'DRAMA', 'sci-fi', 'comedie', 'None']) {
        for (const year of [undefined, 1991]) {
          for (const minRating of [undefined, 5]) {
            const input = { sort, genre, year, minRating };
            const wanted = expected(all, input);
            for (const limit of limits) {
              const found = walk((cursor) => movies.list({ ...input, limit, cursor }));
              assert.deepEqual(
                found.map(({ movieId }) => movieId),
                wanted,
                JSON.stringify({ ...input, limit, seed }),
              );
            }
          }
        }
      }
    }
  }
});

test('returns the same list when the catalogue is walked because many movies match', () => {
  using movies = randomCatalogue(5, 80);
  const all = movies.list({ limit: 500 }).items;
  const walked = movieLists(movies.db, { movies: 1, titles: 1 });
  for (const sort of sorts) {
    for (const genre of [undefined, 'drama']) {
      for (const year of [undefined, 1991]) {
        for (const minRating of [undefined, 5]) {
          const input = { sort, genre, year, minRating, limit: 7 };
          const found = walk((cursor) => JSON.parse(walked({ ...input, cursor })) as MoviePage);
          assert.deepEqual(
            found.map(({ movieId }) => movieId),
            expected(all, input),
            JSON.stringify(input),
          );
        }
      }
    }
  }
});

/** Returns the part of the query plan that names the expected index. */
function indexOf({ sort, matchesFirst, genre, year, minRating }: ListShape): string {
  const field = sort.replace('-', '') as SortField;
  const ofGenre = genre && (field === 'year' || field === 'rating');
  if (!matchesFirst && !ofGenre) {
    const names = {
      movieId: year ? 'by_year (year=?' : 'movies',
      title: 'by_title',
      year: year ? 'by_year (year=?' : 'by_year',
      rating: 'by_rating',
      popularity: 'by_votes',
    };
    return names[field];
  }
  if (genre && year && (matchesFirst || field === 'year'))
    return 'movie_genres USING PRIMARY KEY (genre_key=? AND year=?';
  if (genre && (matchesFirst ? minRating : field === 'rating'))
    return 'movie_genres USING COVERING INDEX movie_genres_by_rating';
  if (genre) return matchesFirst ? 'SEARCH movie_genres' : 'movie_genres USING PRIMARY KEY (genre_key=?';
  return year
    ? 'movies USING COVERING INDEX movies_by_year (year=?'
    : 'movies USING COVERING INDEX movies_by_rating (rating';
}

test('a list reads an index that has its order, or that holds the matches in one range', () => {
  using movies = openMovies();
  for (const sort of sorts) {
    for (const matchesFirst of [true, false]) {
      for (const known of unknownLast.has(sort) ? [true, false] : [undefined]) {
        for (let filters = 0; filters < 16; filters++) {
          const shape = {
            sort,
            matchesFirst: matchesFirst && (filters & 7) > 0,
            genre: (filters & 1) > 0,
            year: (filters & 2) > 0,
            minRating: (filters & 4) > 0,
            continued: (filters & 8) > 0,
            ...(known === undefined ? {} : { known }),
          };
          const plan = movies.db.$client
            .prepare<[object], { detail: string }>(`EXPLAIN QUERY PLAN ${listQuery(shape)}`)
            .all({ genre: 'drama', year: 1999, minRating: 5, key: 1, id: 1, limit: 51 })
            .map(({ detail }) => detail);
          const about = `${JSON.stringify(shape)}\n${plan.join('\n')}`;
          assert.ok(plan[0]?.includes(indexOf(shape)) || plan[1]?.includes(indexOf(shape)), about);
          const sorts = plan.some((step) => step.includes('USE TEMP B-TREE FOR ORDER BY'));
          if (!shape.matchesFirst && !shape.genre) assert.equal(sorts, false, about);
          // Titles are read from an index, and not from thousands of movie rows.
          if (shape.matchesFirst && sort.endsWith('title')) assert.match(about, /COVERING INDEX movies_by_year/);
          const ofOneYear = shape.year && shape.genre === shape.matchesFirst && /movieId|year/.test(sort);
          if (ofOneYear && shape.continued && shape.known !== false)
            assert.match(plan.join(), /year=\? AND movie_id[<>]/);
        }
      }
    }
  }
});

test('the number of matches that are sorted grows with the square root of the catalogue, up to a maximum', () => {
  const limits = [0, 100, 10_000, 1_000_000, 10_000_000].map((movies) => sortingLimit(20_000, movies));
  assert.deepEqual(limits, [0, 140, 1400, 14_000, 20_000]);
});

test('matches are counted only when no index has them in list order', () => {
  using movies = randomCatalogue(6, 40);
  const client = movies.db.$client;
  const prepare = client.prepare.bind(client);
  const counts = (input: Partial<ListInput> & { sort: Sort }): boolean => {
    const prepared: string[] = [];
    client.prepare = ((text: string) => {
      prepared.push(text);
      return prepare(text);
    }) as typeof client.prepare;
    movieLists(movies.db)({ limit: 1, ...input });
    return prepared.some((text) => text.includes('count(*)'));
  };
  for (const sort of sorts) {
    const ordered = /movieId|year/.test(sort);
    for (const minRating of [undefined, 5]) {
      for (const genre of [undefined, 'drama']) {
        assert.equal(counts({ sort, year: 1991, minRating, genre }), !ordered, `${sort} ${minRating} ${genre}`);
      }
    }
    assert.equal(counts({ sort, minRating: 5 }), !sort.endsWith('rating'), sort);
    assert.equal(counts({ sort, genre: 'drama' }), false, sort);
  }
});

test('a page sorted by ascending rating starts reading at its cursor and not at the minimum rating', () => {
  for (const genre of [false, true]) {
    const shape = { sort: 'rating' as const, genre, year: false, minRating: true, matchesFirst: false, known: true };
    assert.match(listQuery({ ...shape, continued: false }), / rating >= @minRating/);
    assert.match(
      listQuery({ ...shape, continued: true }),
      /\+rating >= @minRating AND \(rating, movie_id\) > \(@key, @id\)/,
    );
  }
});

test('a page is not shifted when movies are added and removed before it is read', () => {
  using movies = randomCatalogue(3, 30);
  const first = movies.list({ sort: 'title', limit: 10 });
  const rest = movies.list({ sort: 'title', limit: 500, cursor: first.next ?? '' }).items;
  movies.state(
    { movieId: first.items[2]?.movieId as number, fields: null },
    { movieId: 1, fields: movieOf({ title: '!' }) },
    { movieId: rest[0]?.movieId as number, fields: null },
  );
  const after = movies.list({ sort: 'title', limit: 500, cursor: first.next ?? '' }).items;
  assert.deepEqual(after, rest.slice(1));
});

test('a cursor is refused by any other list', () => {
  using movies = randomCatalogue(4, 20);
  const { next } = movies.list({ sort: 'year', genre: 'drama', limit: 1 });
  assert.ok(next);
  // The same genre in another case is the same list.
  assert.equal(movies.list({ sort: 'year', genre: 'DRAMA', limit: 1, cursor: next }).items.length, 1);
  const others = [
    { sort: '-year', genre: 'drama' },
    { sort: 'year' },
    { sort: 'year', genre: 'drama', year: 1991 },
  ] as const;
  for (const other of others) {
    assert.throws(
      () => movies.list({ ...other, cursor: next }),
      (error: unknown) => error instanceof AppError && error.code === 'invalid',
    );
  }
  // A cursor of an older version, which listed movies without a year first.
  const old = encodeCursor(JSON.stringify(['list', 'year', 'drama', null, null]), [0, 1]);
  assert.throws(() => movies.list({ sort: 'year', genre: 'drama', cursor: old }), { code: 'invalid' });
  assert.throws(
    () => movies.search('alien', 5, next),
    (error: unknown) => error instanceof AppError && error.code === 'invalid',
  );
});

test('genres are counted regardless of case, and listed by name', () => {
  using movies = openMovies();
  movies.state(
    { movieId: 1, fields: movieOf({ title: 'A', genres: ['War', 'Drama'] }) },
    { movieId: 2, fields: movieOf({ title: 'B', genres: ['drama'] }) },
    { movieId: 3, fields: movieOf({ title: 'C', genres: ['Comédie'] }) },
  );
  assert.deepEqual(movies.queries.genres(), [
    { genre: 'Comédie', movies: 1 },
    { genre: 'Drama', movies: 2 },
    { genre: 'War', movies: 1 },
  ]);
});

test('the contract accepts the cursor after the longest possible title', () => {
  using movies = openMovies();
  for (const movieId of [1, 2]) movies.state({ movieId, fields: movieOf({ title: '한'.repeat(300) }) });
  const { next } = movies.list({ sort: 'title', limit: 1 });
  assert.equal(paging.cursor.safeParse(next).success, true, `${next?.length} characters`);
});
