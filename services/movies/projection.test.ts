import assert from 'node:assert/strict';
import { test } from 'vitest';
import { lateIndices } from '../../shared/views/database.ts';
import { movieIndices } from './schema.ts';
import { type Fact, type Movies, movieOf, openMovies, randomOf } from './testing.ts';

/** Returns everything that clients can see of a view, except revisions, which depend on the order of events. */
function visible(movies: Movies) {
  const documents = movies.db.$client
    .prepare<[], { document: string }>('SELECT document FROM movies ORDER BY movie_id')
    .all();
  return {
    movies: documents.map(({ document }) => ({ ...JSON.parse(document), revision: undefined })),
    genres: movies.queries.genres(),
    words: movies.db.$client.prepare('SELECT word FROM words ORDER BY word').all(),
    variants: movies.db.$client.prepare('SELECT variant, word FROM word_variants ORDER BY variant, word').all(),
    genreRows: movies.db.$client.prepare('SELECT * FROM movie_genres ORDER BY genre_key, movie_id').all(),
    found: ['red', 'blue', 'star', 'old'].map((q) => movies.search(q).items.map(({ movieId }) => movieId)),
  };
}

test('shows the last state of a movie, and hides a removed movie', () => {
  using movies = openMovies();
  movies.state({ movieId: 1, fields: movieOf({ title: 'Alien', genres: ['Horror'] }) });
  movies.state({ movieId: 1, fields: movieOf({ title: 'Aliens', genres: ['Action'] }) });
  assert.deepEqual(
    movies.list().items.map(({ title }) => title),
    ['Aliens'],
  );
  assert.deepEqual(movies.queries.genres(), [{ genre: 'Action', movies: 1 }]);
  movies.state({ movieId: 1, fields: null });
  assert.deepEqual(movies.list().items, []);
  assert.deepEqual(movies.search('aliens').items, []);
  assert.deepEqual(movies.queries.genres(), []);
  assert.equal(movies.queries.removedRevision(1), 3);
  movies.state({ movieId: 1, fields: movieOf({ title: 'Alien again' }) });
  assert.deepEqual(
    movies.search('again').items.map(({ movieId }) => movieId),
    [1],
  );
});

test('the spelling of a genre depends only on current movies, because the stream drops earlier events', () => {
  using all = openMovies();
  using kept = openMovies();
  all.state({ movieId: 1, fields: movieOf({ title: 'Alien', genres: ['SCI-FI'] }) });
  for (const movies of [all, kept]) {
    movies.state({ movieId: 2, fields: movieOf({ title: 'Solaris', genres: ['sci-fi'], year: 1972 }) });
    movies.state({ movieId: 1, fields: movieOf({ title: 'Alien', genres: ['Sci-Fi'], year: 1979 }) });
  }
  assert.deepEqual(all.queries.genres(), [{ genre: 'sci-fi', movies: 2 }]);
  assert.deepEqual(visible(kept), visible(all));
});

test('counts a genre once for a movie that has it in several spellings', () => {
  using movies = openMovies();
  movies.state({ movieId: 1, fields: movieOf({ title: 'Star', genres: ['Drama', 'drama', 'DRAMA'] }) });
  assert.deepEqual(movies.queries.genres(), [{ genre: 'Drama', movies: 1 }]);
});

test('replicas converge however they group the events of the stream', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const random = randomOf(seed);
    const history = Array.from({ length: 75 }, (): Fact => {
      const title = `${random.pick(['Red', 'Blue', 'Old'])} ${random.pick(['star', 'stars', 'Stár', 'dust'])}`;
      const genres = [random.pick(['Drama', 'War']), random.pick(['Crime', 'drama'])];
      const fields = random.int(4) === 0 ? null : movieOf({ title, genres, votes: random.int(3) * 1000 });
      return { movieId: 1 + random.int(4), fields };
    });
    const views = [0, 1, 2].map(() => {
      const movies = openMovies();
      for (const rest = [...history]; rest.length > 0; ) movies.state(...rest.splice(0, 1 + random.int(8)));
      return movies;
    });
    const [first, ...others] = views.map(visible);
    for (const other of others) assert.deepEqual(other, first, `seed ${seed}`);
    for (const movies of views) movies[Symbol.dispose]();
  }
});

test('the last event in the stream counts, whichever site it names', () => {
  using movies = openMovies();
  const from = (site: string, title: string, time: number) => ({ movieId: 1, site, time, fields: movieOf({ title }) });
  movies.state(from('edge', 'Red star', 200), from('hub', 'Old star', 100));
  assert.deepEqual(
    movies.list().items.map(({ title }) => title),
    ['Old star'],
  );
});

test('a failed batch does not affect the next one', () => {
  using movies = openMovies();
  movies.state({ movieId: 1, fields: movieOf({ title: 'Red star' }) });
  const before = visible(movies);
  movies.db.$client.exec(
    `CREATE TRIGGER refuse BEFORE INSERT ON movies WHEN new.movie_id = 3 BEGIN SELECT raise(FAIL, 'no'); END`,
  );
  assert.throws(() =>
    movies.state({ movieId: 2, fields: movieOf({ title: 'Blue' }) }, { movieId: 3, fields: movieOf({ title: 'Old' }) }),
  );
  movies.abandon();
  movies.state();
  assert.deepEqual(visible(movies), before);
});

/** Returns facts about 40 movies, most of them with several. */
function randomFacts(seed: number, count: number): Fact[] {
  const random = randomOf(seed);
  return Array.from({ length: count }, (): Fact => {
    const title = `${random.pick(['Red', 'Blue', 'Old'])} ${random.pick(['star', 'stars', 'dust'])} ${random.int(200)}a`;
    const genres = [random.pick(['Drama', 'War']), random.pick(['drama', 'Crime', 'Año'])];
    const fields = movieOf({ title, genres, year: 1990 + random.int(9), director: 'Ann', votes: random.int(3) * 1000 });
    return { movieId: 1 + random.int(40), fields: random.int(4) === 0 ? null : fields };
  });
}

const filmKeysOf = (movies: Movies) => movies.db.$client.prepare('SELECT * FROM film_keys ORDER BY 1, 2, 3').all();

test('a build writes the same rows at its end as a live view with each movie, even when its process restarts', () => {
  for (let done = 0; done <= 2 + Object.keys(movieIndices).length; done++) {
    using built = openMovies(false);
    using live = openMovies();
    for (const movies of [built, live]) movies.state(...randomFacts(1, 200));
    for (let i = 0; i < done; i++) built.finishSome();
    for (const movies of [built, live]) movies.state(...randomFacts(2, 50));
    built.restart();
    for (const movies of [built, live]) movies.state(...randomFacts(3, 50));
    built.finish();
    assert.deepEqual(visible(built), visible(live), `after ${done} pieces`);
    assert.deepEqual(filmKeysOf(built), filmKeysOf(live));
    assert.deepEqual(lateIndices(built.db, movieIndices).missing(), []);
  }
});

test('writes the variants of words in several transactions, one of which fails', () => {
  const titles = Array.from({ length: 25 }, (_, i) =>
    Array.from({ length: 450 }, (_, j) => `x${(i * 450 + j).toString(36)}`).join(' '),
  );
  const facts = titles.map((title, i): Fact => ({ movieId: i + 1, fields: { ...movieOf({ title: 'X' }), title } }));
  using live = openMovies();
  live.state(...facts);
  const { variants } = visible(live);
  for (const done of [0, 1]) {
    using built = openMovies(false);
    built.state(...facts);
    for (let i = 0; i <= done; i++) assert.ok(built.finishSome());
    assert.deepEqual(lateIndices(built.db, movieIndices).missing(), Object.keys(movieIndices));
    assert.throws(() => built.finishSome('the disk is full'), /full/);
    built.abandon();
    built.finish();
    assert.deepEqual(visible(built).variants, variants, `failed after ${done}`);
  }
});

test('writes the genres of movies in several transactions, one of which fails', () => {
  using built = openMovies(false);
  // Inserted directly, because the projection would take seconds for so many movies.
  built.db.$client.exec(`
    WITH RECURSIVE ids (id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM ids LIMIT 50001)
    INSERT INTO movies SELECT id, id, 'film', 2000, 5, 0, '{"genres":["War","war","Drama"]}' FROM ids;
    INSERT INTO genres VALUES ('drama', 0), ('war', 0)`);
  for (let i = 0; i < 2; i++) {
    assert.throws(() => built.finishSome('the disk is full'), /full/);
    built.abandon();
    assert.ok(built.finishSome());
  }
  built.finish();
  const all = ['Drama', 'War'].map((genre) => ({ genre, movies: 50_001 }));
  assert.deepEqual(built.queries.genres(), all);
});
