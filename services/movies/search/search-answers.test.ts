import assert from 'node:assert/strict';
import { beforeAll, test } from 'vitest';
import type { SearchInput } from '../queries.ts';
import { type Fact, type MoviePage, type Movies, movieOf, openMovies, randomOf, walk } from '../testing.ts';

interface Answer extends MoviePage {
  items: (MoviePage['items'][number] & { found?: { in: string; text: string } })[];
  interpreted?: { q: string; year?: number; genres?: string[]; ignored?: string[] };
}

const catalogue: Fact[] = [
  { title: 'Nosferatu', year: 1922, genres: ['Horror'], director: 'F.W. Murnau', rating: 7.8, votes: 100_000 },
  {
    title: 'Nosferatu',
    year: 2024,
    genres: ['Horror', 'Drama'],
    director: 'Robert Eggers',
    rating: 7.2,
    votes: 200_000,
  },
  { title: 'The Witch', year: 2015, genres: ['Horror'], director: 'Robert Eggers', rating: 6.9, votes: 290_000 },
  {
    title: 'The Northman',
    year: 2022,
    genres: ['Action', 'Drama'],
    director: 'Robert Eggers',
    rating: 7.0,
    votes: 270_000,
  },
  { title: 'Comedy of Errors', year: 1970, genres: ['Drama'], votes: 10 },
  { title: 'Airplane!', year: 1980, genres: ['Comedy'], votes: 250_000 },
  {
    title: 'Parasite',
    year: 2019,
    genres: ['Thriller'],
    alternativeTitles: ['기생충', 'Gisaengchung'],
    votes: 900_000,
  },
  { title: '😀', year: 2020, votes: 1 },
  { title: '???', year: 2021, votes: 1 },
  { title: 'Ⅻ', year: 2000, votes: 1 },
  { title: 'Sci-fi Night', year: 1990, genres: ['Sci-Fi'], votes: 5, description: 'A vampire opens a cinema.' },
].map((fields, index) => ({ movieId: index + 1, fields: movieOf(fields) }));

let movies: Movies;
beforeAll(() => {
  movies = openMovies();
  movies.state(...catalogue);
});

const answer = (q: string, input: Partial<SearchInput> = {}): Answer =>
  JSON.parse(movies.queries.search(q, { limit: 20, ...input })) as Answer;
const years = (q: string, input: Partial<SearchInput> = {}) => answer(q, input).items.map(({ year }) => year);

test('a year in a search prefers movies of that year, and is reported as understood', () => {
  assert.deepEqual(years('nosferatu'), [2024, 1922]);
  assert.equal(answer('nosferatu').interpreted, undefined);
  for (const q of ['nosferatu 1922', 'Nosferatu (1922)', '1922 nosferatu', 'nosferatu 1920s'])
    assert.equal(years(q)[0], 1922, q);
  assert.deepEqual(answer('nosferatu 1922').interpreted, { q: 'nosferatu', year: 1922 });
  assert.equal(answer('nosferatu 1920s').interpreted, undefined);
  assert.deepEqual(answer('nosferattu 1920s').interpreted, { q: 'nosferatu 1920s' });
});

test('a genre in a search finds its movies, after titles that contain the word', () => {
  assert.deepEqual(years('eggers horror').slice(0, 2).sort(), [2015, 2024]);
  assert.deepEqual(answer('eggers horror').interpreted, { q: 'eggers', genres: ['Horror'] });
  assert.deepEqual(years('comedy'), [1970, 1980]);
  assert.deepEqual(answer('comedies').items[0]?.title, 'Airplane!');
  assert.deepEqual(years('sci fi'), [1990]);
});

test('an item says where it was found if that is not its title', () => {
  const found = (q: string) => answer(q).items[0]?.found;
  assert.equal(found('the witch'), undefined);
  assert.deepEqual(found('egers'), { in: 'people', text: 'Robert Eggers' });
  assert.deepEqual(found('기생충'), { in: 'alternativeTitles', text: '기생충' });
  assert.deepEqual(found('vampire'), { in: 'description', text: '' });
  assert.deepEqual(found('thriller'), { in: 'genres', text: 'Thriller' });
  assert.deepEqual(answer('gisaengchun').interpreted, undefined, 'an unfinished word is not corrected');
});

test('reports corrected and ignored words', () => {
  assert.deepEqual(answer('nosferattu').interpreted, { q: 'nosferatu' });
  assert.deepEqual(answer('the witch xyzzy').interpreted, { q: 'the witch', ignored: ['xyzzy'] });
});

test('a word with a number is one word where the catalogue writes it so, and is reported once', () => {
  using some = openMovies();
  const films: Parameters<typeof movieOf>[0][] = [
    { title: 'THX1138', votes: 10 },
    { title: 'Meowingtons', actors: ['deadmau5'], votes: 20 },
    { title: 'The Desert', description: 'What they hide in area51.', votes: 30 },
    { title: 'Alien 3', votes: 40 },
    { title: 'Alien', votes: 5000 },
  ];
  some.state(...films.map((film, index) => ({ movieId: index + 1, fields: movieOf(film) })));
  const found = (q: string) => JSON.parse(some.queries.search(q, { limit: 20 })) as Answer;
  for (const [q, title] of [
    ['thx1138', 'THX1138'],
    ['deadmau5', 'Meowingtons'],
    ['area51', 'The Desert'],
  ] as const) {
    assert.equal(found(q).items[0]?.title, title, q);
    assert.equal(found(q).interpreted, undefined, q);
  }
  assert.deepEqual(found('thx 1138').interpreted, { q: 'thx1138' });
  assert.equal(found('alien3').items[0]?.title, 'Alien 3');
  for (const q of ['thx', 'thx1', 'thx11', 'thx113', 'thx1138'])
    assert.equal(some.queries.suggest(q)[0]?.text, 'THX1138', q);
  assert.equal(some.queries.suggest('alien3')[0]?.text, 'Alien 3');
});

test('finds a title that has only symbols', () => {
  assert.equal(answer('😀').items[0]?.title, '😀');
  assert.equal(answer(' ??? ').items[0]?.title, '???');
  for (const q of ['Ⅻ', 'xii', '12', 'twelve']) assert.equal(answer(q).items[0]?.title, 'Ⅻ', q);
});

test('filters apply to every kind of match', () => {
  assert.deepEqual(years('nosferatu', { year: 1922 }), [1922]);
  assert.deepEqual(years('eggers', { genre: 'DRAMA' }).sort(), [2022, 2024]);
  assert.deepEqual(years('eggers', { minRating: 7 }).sort(), [2022, 2024]);
  assert.deepEqual(years('eggers', { minRating: 7.1 }), [2024]);
  assert.deepEqual(years('egers nosferatoo', { year: 2015 }), [2015]);
  assert.deepEqual(years('eggers', { sort: 'year' }), [2015, 2022, 2024]);
  assert.deepEqual(years('eggers', { sort: '-rating', genre: 'Horror' }), [2024, 2015]);
  assert.deepEqual(years('???', { year: 1999 }), []);
});

test('pages with filters and a sort together are the whole search', () => {
  using many = openMovies();
  const random = randomOf(11);
  const word = () => random.pick(['star', 'stars', 'wars', 'trek', 'night']);
  many.state(
    ...Array.from({ length: 200 }, (_, i) => ({
      movieId: i + 1,
      fields: movieOf({
        title: `${word()} ${word()}`,
        description: word(),
        genres: random.pick([['Drama'], ['War', 'Drama'], ['War']]),
        year: random.int(9) === 0 ? null : 1990 + random.int(3),
        rating: random.int(100) / 10,
        votes: random.int(4) * 1000,
      }),
    })),
  );
  const search = (q: string, input: SearchInput) => JSON.parse(many.queries.search(q, input)) as MoviePage;
  for (const q of ['star', 'star wars', 'strs nigth']) {
    for (const filters of [{}, { genre: 'war' }, { year: 1991, minRating: 3.5 }, { genre: 'drama', year: 1990 }]) {
      for (const sort of [undefined, 'year', '-title'] as const) {
        const input = { ...filters, ...(sort ? { sort } : {}) };
        const whole = search(q, { ...input, limit: 500 }).items;
        assert.ok(whole.length > 0);
        const undated = whole.findIndex((item) => item.year === null);
        if (sort === 'year' && undated >= 0) assert.ok(whole.slice(undated).every((item) => item.year === null));
        for (const { genres, year, rating } of whole) {
          const wanted = { genre: undefined, year, minRating: 0, ...filters };
          assert.ok(year === wanted.year && (rating ?? 0) >= wanted.minRating);
          assert.ok(!wanted.genre || genres.some((genre) => genre.toLowerCase() === wanted.genre));
        }
        const paged = walk((cursor) => search(q, { ...input, limit: 7, cursor }));
        assert.deepEqual(
          paged.map(({ movieId }) => movieId),
          whole.map(({ movieId }) => movieId),
          `${q} ${JSON.stringify(input)}`,
        );
      }
    }
  }
});

test('suggests titles and people that start with the text, popular ones first', () => {
  const { suggest } = movies.queries;
  const texts = (q: string) => suggest(q).map(({ text }) => text);
  assert.deepEqual(suggest('nosf'), [
    { kind: 'title', text: 'Nosferatu', movieId: 2, year: 2024 },
    { kind: 'title', text: 'Nosferatu', movieId: 1, year: 1922 },
  ]);
  assert.deepEqual(suggest('rob eg'), [{ kind: 'person', text: 'Robert Eggers' }]);
  assert.deepEqual(texts('the robert egg'), ['The Witch', 'The Northman']);
  assert.deepEqual(suggest('with'), []);
  assert.deepEqual(texts('the n'), ['The Northman']);
  assert.deepEqual(texts('witch'), ['The Witch']);
  assert.deepEqual(texts('nosferatoo'), ['Nosferatu', 'Nosferatu']);
  assert.deepEqual(texts('기생'), ['Parasite']);
  for (const q of ['', ' ', '"', 'xyzzy', '\u0000', '(']) assert.deepEqual(texts(q), []);
});

test('suggests a person although the last letter typed also starts a word of their movie', () => {
  using some = openMovies();
  some.state({ movieId: 1, fields: movieOf({ title: 'Forrest Gump', actors: ['Tom Hanks', 'Sally Field'] }) });
  assert.deepEqual(some.queries.suggest('sally f'), [{ kind: 'person', text: 'Sally Field' }]);
  assert.deepEqual(
    some.queries.suggest('sally gump').map(({ text }) => text),
    ['Forrest Gump'],
  );
});

test('suggests a title beside a person of the same movie when both start with the text', () => {
  using some = openMovies();
  some.state({ movieId: 1, fields: movieOf({ title: 'John Wick', actors: ['John Wu'] }) });
  const found = some.queries.suggest('john w').map(({ text }) => text);
  assert.deepEqual(found.sort(), ['John Wick', 'John Wu']);
});

test('suggests titles that start with the whole text before those with its words elsewhere', () => {
  using some = openMovies();
  const films: Parameters<typeof movieOf>[0][] = [
    { title: 'The French Connection', actors: ['Gene Hackman', 'Tony Lo Bianco'], votes: 900_000 },
    { title: 'The Hurt Locker', votes: 800_000 },
    { title: 'The Lost Weekend', votes: 10_000 },
    { title: 'The Lord of the Rings', votes: 20_000 },
  ];
  some.state(...films.map((film, index) => ({ movieId: index + 1, fields: movieOf(film) })));
  const found = some.queries.suggest('the lo').map(({ text }) => text);
  assert.deepEqual(found.slice(0, 2).sort(), ['The Lord of the Rings', 'The Lost Weekend']);
  assert.equal(found.length, 4);
});

test('an unselective filter is applied beyond the popular movies', () => {
  using movies = openMovies();
  const film = (movieId: number, rating: number | null, votes: number): Fact => ({
    movieId,
    fields: movieOf({ title: `Film ${movieId}`, rating, votes }),
  });
  const ids = Array.from({ length: 1600 }, (_, i) => i + 1);
  movies.state(
    ...ids.map((id) => (id <= 100 ? film(id, 8, 9000) : film(id, id <= 1500 ? null : 8, id <= 1500 ? 500 : 1))),
  );
  const page = JSON.parse(movies.queries.search('film', { minRating: 5, limit: 500 })) as MoviePage;
  assert.equal(page.items.length, 200);
});

test('beside a filter a joined word finds both one word and two', () => {
  using movies = openMovies();
  const titles = ['Star Wars', 'Starwars Fans'];
  movies.state(...titles.map((title, i): Fact => ({ movieId: i + 1, fields: movieOf({ title, genres: ['Action'] }) })));
  const page = JSON.parse(movies.queries.search('starwars', { genre: 'action', limit: 10 })) as MoviePage;
  assert.deepEqual(page.items.map(({ title }) => title).sort(), titles);
});
