import assert from 'node:assert/strict';
import { beforeAll, test } from 'vitest';
import { encodeCursor } from '../../../shared/operations/cursor.ts';
import { AppError } from '../../../shared/operations/errors.ts';
import { words } from '../film-identity.ts';
import { type Fact, type Movies, movieOf, openMovies, randomOf, walk } from '../testing.ts';

const catalogue: Fact[] = [
  {
    title: 'Guardians of the Galaxy',
    director: 'James Gunn',
    actors: ['Chris Pratt', 'Zoe Saldaña'],
    votes: 1_200_000,
  },
  {
    title: 'Inception',
    director: 'Christopher Nolan',
    description: 'A thief steals secrets from dreams.',
    votes: 2_500_000,
  },
  { title: 'Amélie', director: 'Jean-Pierre Jeunet', actors: ['Audrey Tautou'], votes: 780_000 },
  { title: 'Galaxy Quest', description: 'Actors of a series are taken for heroes.', votes: 180_000 },
  { title: 'Thief', director: 'Michael Mann', votes: 30_000 },
  { title: 'The Hand', actors: ['Peter Thief'], votes: 500 },
  { title: 'Léon: The Professional', director: 'Luc Besson', votes: 1_200_000 },
  { title: 'Thieves', votes: 10 },
  { title: 'And Or Not Near', votes: 5 },
  { title: 'The Thief of Bagdad', votes: 15_000 },
  { title: "What's Up, Doc?", votes: 22_000 },
  { title: 'Seven Samurai', actors: ['Toshirô Mifune'], description: '七人の侍', votes: 360_000 },
].map((fields, index) => ({ movieId: index + 1, fields: movieOf(fields) }));

let movies: Movies;
beforeAll(() => {
  movies = openMovies();
  movies.state(...catalogue);
});

const titles = (q: string): string[] => movies.search(q).items.map(({ title }) => title);

test('ranks the exact title first, then titles by share of matching words, then people, then descriptions', () => {
  assert.deepEqual(titles('thief'), ['Thief', 'The Thief of Bagdad', 'The Hand', 'Inception']);
  assert.deepEqual(titles('galaxy'), ['Galaxy Quest', 'Guardians of the Galaxy']);
  assert.deepEqual(titles('galaxy quest'), ['Galaxy Quest']);
  assert.deepEqual(titles('series heroes'), ['Galaxy Quest']);
});

test('every word may be a prefix, and whole words rank before longer ones', () => {
  assert.deepEqual(titles('guard gal'), ['Guardians of the Galaxy']);
  assert.deepEqual(titles('thie'), ['Thief', 'The Thief of Bagdad', 'Thieves', 'The Hand', 'Inception']);
  assert.deepEqual(titles('nol incep'), ['Inception']);
});

test('an unknown word does not empty the results: movies with most of the words come first', () => {
  assert.deepEqual(titles('inception pratt'), ['Inception', 'Guardians of the Galaxy']);
  assert.equal(titles('the xyzzy thief of bagdad')[0], 'The Thief of Bagdad');
  assert.equal(titles('watch seven samurai online')[0], 'Seven Samurai');
});

test('ignores accents, case and punctuation in searches and titles', () => {
  for (const q of ['amelie', 'AMÉLIE', 'Amélie', 'ame\u0301lie']) assert.deepEqual(titles(q), ['Amélie'], q);
  assert.deepEqual(titles('leon the professional'), ['Léon: The Professional']);
  assert.deepEqual(titles('saldana'), ['Guardians of the Galaxy']);
  assert.deepEqual(titles('mifune'), ['Seven Samurai']);
  assert.deepEqual(titles("what's up doc"), ["What's Up, Doc?"]);
  assert.deepEqual(titles('七人'), ['Seven Samurai']);
});

test('finds a title by a misspelled word', () => {
  for (const [q, title] of [
    ['guardins galxy', 'Guardians of the Galaxy'],
    ['incepton', 'Inception'],
    ['inecption', 'Inception'],
    ['amelei', 'Amélie'],
    ['theif', 'Thief'],
    ['seven samuri', 'Seven Samurai'],
    ['profesional', 'Léon: The Professional'],
    ['galaxi quest', 'Galaxy Quest'],
  ] as const) {
    assert.equal(titles(q)[0], title, q);
  }
});

test('does not correct known words, or words similar to none', () => {
  assert.deepEqual(titles('thieves'), ['Thieves']);
  assert.deepEqual(titles('xyzzyqwv'), []);
});

test('accepts any text as a search', () => {
  const hostile = [
    '"',
    '""',
    "'",
    '*',
    'a*',
    '*a',
    '^a',
    'a:b',
    'title:thief',
    '{title}:thief',
    '(',
    ')',
    '(thief',
    'thief)',
    '-thief',
    '+thief',
    'thief + quest',
    'AND',
    'OR',
    'NOT',
    'NEAR',
    'NEAR(',
    'NEAR(a b, 5)',
    'thief AND',
    'AND thief',
    'a OR b NOT c',
    '%',
    '_',
    '\\',
    ';--',
    "'; DROP TABLE movies;--",
    '\u0000',
    'thief\u0000quest',
    '😀',
    '👩‍👩‍👧‍👦 thief',
    '\ud800',
    'x\udfff',
    'ﷺ',
    'ǅ',
    '\u200b',
    '½',
    '²',
    '①',
    'é'.repeat(300),
    'a '.repeat(500),
    'thief '.repeat(160),
    '({[<',
    '\n\t\r',
    '़ा',
    'กำ',
    '𐐀𞤀',
  ];
  for (const q of hostile) assert.ok(Array.isArray(movies.search(q).items), q);
  assert.deepEqual(titles('thief AND'), titles('thief and'));
  assert.deepEqual(titles('AND OR NOT NEAR'), ['And Or Not Near']);
  assert.deepEqual(titles('"thief"'), titles('thief'));
  assert.deepEqual(titles('😀'), []);
});

test('random text of any script never causes a syntax error in FTS5', () => {
  const random = randomOf(7);
  for (let round = 0; round < 400; round++) {
    const text = Array.from({ length: 1 + random.int(6) }, () =>
      Array.from({ length: 1 + random.int(4) }, () => String.fromCodePoint(random.int(0x1f000))).join(''),
    ).join(' ');
    const { items } = movies.search(text);
    if (words(text).length === 0) assert.deepEqual(items, [], JSON.stringify(text));
  }
});

test('pages of a search have every result exactly once', () => {
  using many = openMovies();
  const random = randomOf(3);
  const name = () => random.pick(['star', 'stars', 'wars', 'war', 'trek']);
  many.state(
    ...Array.from({ length: 150 }, (_, i) => ({
      movieId: i + 1,
      fields: movieOf({
        title: `${name()} ${name()}`,
        director: name(),
        description: name(),
        votes: random.int(4) * 1000,
      }),
    })),
  );
  for (const q of ['star', 'star wars', 'wa', 'trek star war', 'strs']) {
    const whole = many.search(q, 500).items.map(({ movieId }) => movieId);
    assert.equal(new Set(whole).size, whole.length, q);
    for (const limit of [1, 7, 64]) {
      const found = walk((cursor) => many.search(q, limit, cursor)).map(({ movieId }) => movieId);
      assert.deepEqual(found, whole, `${q} by ${limit}`);
    }
  }
  assert.equal(many.search('star', 500).items.length > 100, true);
});

test('refuses the cursor of another search or a forged one', () => {
  const { next } = movies.search('the', 1);
  assert.ok(next);
  assert.equal(movies.search('THE', 1, next).items.length, 1);
  const made = [
    [-1, 0],
    [-1e15, 0],
    [1.5, 0],
    [1e9, 0],
    ['0', 0],
    [0, 'x'],
    [null, null],
    [0, 1.5],
  ].map((key) => encodeCursor('search the', key));
  for (const cursor of made) {
    assert.throws(
      () => movies.search('the', 1, cursor),
      (error: unknown) => error instanceof AppError && error.code === 'invalid',
      Buffer.from(cursor, 'base64url').toString(),
    );
  }
  assert.throws(
    () => movies.search('thief', 1, next),
    (error: unknown) => error instanceof AppError && error.code === 'invalid',
  );
});

test('a long search is done with its rarest words, which may be misspelled', () => {
  using many = openMovies();
  const common = 'man woman must find love new world one family'.split(' ');
  const title = (i: number, n: number): string => `${common[i]} ${common[n % common.length]}`;
  many.state(
    ...common.flatMap((_, i) =>
      Array.from({ length: 120 }, (_, n) => ({
        movieId: 1000 + 1000 * i + n,
        fields: movieOf({ title: title(i, n), votes: 1_000_000 }),
      })),
    ),
    { movieId: 1, fields: movieOf({ title: 'The Clockmaker', description: common.join(' ') }) },
  );
  for (const last of ['clockmaker', 'clokmaker']) {
    const q = `one man must find the new love of his ${last}`;
    assert.equal(many.search(q, 3).items[0]?.title, 'The Clockmaker', q);
  }
});
