import assert from 'node:assert/strict';
import { test } from 'vitest';
import { readHeader, readRow } from './columns.ts';
import { UnusableFile } from './csv.ts';
import { IdSet } from './id-set.ts';

const names = [
  'Rank',
  'Title',
  'Genre',
  'Description',
  'Director',
  'Actors',
  'Year',
  'Runtime (Minutes)',
  'Rating',
  'Votes',
  'Revenue (Millions)',
  'Metascore',
];
const alien = [
  '7',
  'Alien',
  'Horror,Sci-Fi',
  'A crew hears a signal.',
  'Ridley Scott',
  'Sigourney Weaver, Tom Skerritt',
  '1979',
  '117',
  '8.5',
  '900000',
  '104.93',
  '89',
];
const layout = readHeader(names);

const changed = (column: string, value: string): string[] =>
  alien.map((field, i) => (names[i] === column ? value : field));
const problems = (fields: string[]) => {
  const result = readRow(fields, layout);
  return 'problems' in result ? result.problems : [];
};

test('a row is a movie', () => {
  assert.deepEqual(readRow(alien, layout), {
    movie: {
      movieId: 7,
      title: 'Alien',
      genres: ['Horror', 'Sci-Fi'],
      description: 'A crew hears a signal.',
      director: 'Ridley Scott',
      actors: ['Sigourney Weaver', 'Tom Skerritt'],
      year: 1979,
      runtimeMinutes: 117,
      rating: 8.5,
      votes: 900_000,
      revenueMillions: 104.93,
      metascore: 89,
      alternativeTitles: [],
      posterUrl: null,
      country: '',
      language: '',
    },
  });
});

test('columns may come in any order, any case, with others between them and one without a name', () => {
  const order = [...names].reverse();
  const header = ['', ...order.map((name) => ` ${name.toUpperCase()} `), 'Extra', ''];
  const fields = ['0', ...[...alien].reverse(), 'ignored', ''];
  assert.deepEqual(readRow(fields, readHeader(header)), readRow(alien, layout));
  // Rank as the 13th column behind an index column that has no name, as data frames are written.
  assert.deepEqual(readRow(['0', ...alien], readHeader(['', ...names])), readRow(alien, layout));
});

test('a header without a column, or with one twice, says which', () => {
  const refused = (header: string[], reason: RegExp) =>
    assert.throws(
      () => readHeader(header),
      (error: unknown) => error instanceof UnusableFile && reason.test(error.message),
    );
  refused(
    names.filter((name) => name !== 'Year' && name !== 'Votes'),
    /lacks the columns Year, Votes$/,
  );
  refused([...names, 'title'], /Title twice/);
  refused(['Rank;Title;Genre'], /lacks the columns Rank, Title/);
});

test('an empty number is not known; an empty list is none', () => {
  const fields = alien.map((field, i) => (i < 2 ? field : ''));
  assert.deepEqual(readRow(fields, layout), {
    movie: {
      movieId: 7,
      title: 'Alien',
      genres: [],
      description: '',
      director: '',
      actors: [],
      year: null,
      runtimeMinutes: null,
      rating: null,
      votes: null,
      revenueMillions: null,
      metascore: null,
      alternativeTitles: [],
      posterUrl: null,
      country: '',
      language: '',
    },
  });
});

test('what does not fit is named by its column, all of it at once', () => {
  assert.deepEqual(problems(changed('Year', 'MCMLXXIX')), [{ column: 'Year', reason: '"MCMLXXIX" is not a number' }]);
  assert.deepEqual(problems(changed('Rank', '')), [{ column: 'Rank', reason: 'is missing' }]);
  for (const id of ['0', '-1', '1.5', '2147483648', '99999999999999999999']) {
    assert.match(problems(changed('Rank', id))[0]?.reason ?? '', /whole number from 1 to 2147483647/, id);
  }
  for (const id of ['abc', '1e3', '0x10', 'NaN', 'Infinity', '1 2', '1,000']) {
    assert.match(problems(changed('Rank', id))[0]?.reason ?? '', /is not a number/, id);
  }
  const several = alien.map(
    (field, i) => ({ Title: ' ', Rating: '11', Metascore: '1.5', Votes: '-3' })[names[i] ?? ''] ?? field,
  );
  assert.deepEqual(
    problems(several)
      .map(({ column }) => column)
      .sort(),
    ['Metascore', 'Rating', 'Title', 'Votes'],
  );
});

test('a row with too many or too few fields, or in another encoding, is refused as a whole', () => {
  assert.match(problems([...alien, 'more'])[0]?.reason ?? '', /has 13 fields, the header 12/);
  assert.match(problems(alien.slice(1))[0]?.reason ?? '', /has 11 fields, the header 12/);
  const latin = new TextDecoder().decode(Buffer.from('Amélie', 'latin1'));
  assert.deepEqual(problems(changed('Title', latin)), [{ column: '(row)', reason: 'is not valid UTF-8' }]);
});

test('a set of ids knows which it has', () => {
  const ids = [1, 2, 7, 8, 65_535, 65_536, 65_537, 131_071, 2_147_483_647];
  const set = new IdSet();
  for (const id of ids) assert.equal(set.add(id), true, String(id));
  for (const id of ids) assert.equal(set.add(id), false, String(id));
  assert.equal(set.add(3), true);
});
