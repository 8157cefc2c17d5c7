import assert from 'node:assert/strict';
import { test } from 'vitest';
import { alien, names, read } from './testing.ts';

const alienMovie = {
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
};

/** Returns a file of one row with the given value in a column. */
const changed = (column: string, value: string): string => {
  const fields = ['7', 'Alien', '"Horror,Sci-Fi"', 'A crew.', 'Ridley Scott', 'Tom Skerritt', '1979', '117', '8.5'];
  fields.push('900000', '104.93', '89');
  fields[names.split(',').indexOf(column)] = value;
  return `${names}\n${fields.join(',')}\n`;
};
const problems = (text: string) => {
  const [result] = read(text).results;
  return result && 'problems' in result ? result.problems : [];
};
const warnings = (text: string) => {
  const [result] = read(text).results;
  return result && 'warnings' in result ? result.warnings : [];
};

test('finds our own columns in any case and among other columns', () => {
  assert.deepEqual(read(`${names}\n${alien}\n`).movies, [alienMovie]);
  const loose = names
    .toUpperCase()
    .replaceAll(',', ' ,')
    .replace('RUNTIME (MINUTES)', 'runtime')
    .replace('GENRE', 'Genres');
  assert.deepEqual(read(`,${loose},Extra,\n0,${alien},x,\n`).movies, [alienMovie]);
  // Spreadsheets break the header of a narrow column into lines.
  assert.deepEqual(read(`${names.replace('Runtime (Minutes)', '"Runtime\n(Minutes)"')}\n${alien}\n`).movies, [
    alienMovie,
  ]);
  const more = 'Alternative Titles,Country,Language,Poster URL';
  assert.deepEqual(read(`${names},${more}\n${alien},Alien 1|alien,"UK, US",English,https://x.org/a.png\n`).movies, [
    {
      ...alienMovie,
      alternativeTitles: ['Alien 1'],
      country: 'UK, US',
      language: 'English',
      posterUrl: 'https://x.org/a.png',
    },
  ]);
});

test('detects the unit of revenue by the name of the column or most of its values', () => {
  const revenue = (name: string, ...values: string[]) => {
    const rows = values.map((value, i) => alien.replace('104.93', value).replace(/^7/, String(i + 1)));
    const text = `${names.replace('Revenue (Millions)', name)}\n${rows.join('\n')}\n`;
    const { movies, unit } = read(text);
    return [unit, ...movies.map((movie) => movie.revenueMillions)];
  };
  assert.deepEqual(revenue('Revenue', '104.93', '936', '$2B'), ['millions', 104.93, 936, 2000]);
  assert.deepEqual(revenue('Revenue', '104930000', '9000', '936000000'), ['dollars', 104.93, 0.009, 936]);
  assert.deepEqual(revenue('Gross', '"104,930,000"', '"$9,000,000"'), ['dollars', 104.93, 9]);
  assert.deepEqual(revenue('Revenue (Dollars)', '9000'), ['dollars', 0.009]);
  assert.deepEqual(revenue('Revenue (Millions)', '104.93', '104930000', '$1.5M'), ['millions', 104.93, 1.5]);
});

test('ignores an unreadable value with a warning, and refuses a row with an impossible value', () => {
  assert.deepEqual(warnings(changed('Year', 'MCMLXXIX')), [
    { column: 'Year', reason: '"MCMLXXIX" is not a year, so it is ignored' },
  ]);
  assert.equal(warnings(changed('Runtime (Minutes)', '2 Seasons')).length, 1);
  for (const [column, value, reason] of [
    ['Rank', 'abc', /"abc" is not a whole number/],
    ['Rank', '0', /from 1 to 2147483647/],
    ['Rank', '2147483648', /from 1 to 2147483647/],
    ['Rank', '1.5', /not a whole number/],
    ['Rank', '1e3', /not a whole number/],
    ['Title', ' ', /is missing/],
    ['Title', String.raw`\N`, /is missing/],
    ['Title', '#REF!', /is missing/],
    ['Rating', '11', /./],
    ['Rating', '"7,5"', /could be 7.5 or 75/],
    ['Metascore', '1.5', /./],
    ['Votes', '-3', /^must be at least 0$/],
    ['Year', '２００１', /other digits/],
    ['Year', '3000', /./],
    ['Revenue (Millions)', '10001', /above 10,000 million dollars/],
  ] as const) {
    const [problem, ...more] = problems(changed(column, value));
    assert.deepEqual([problem?.column, more], [column, []], value);
    assert.match(problem?.reason ?? '', reason, value);
  }
  assert.deepEqual(
    problems(`${names}\n7,Heat,X,,,,PG,100,11,3,1,1\n`).map(({ reason }) => reason.endsWith('ignored')),
    [false, false],
  );
  const several = `${names}\n7, ,X,,,,PG,100,11,-3,1,1.5\n`;
  assert.deepEqual(
    problems(several)
      .map(({ column }) => column)
      .sort(),
    ['Metascore', 'Rating', 'Title', 'Votes', 'Year'],
  );
});

test('ignores an incomplete list with a warning, and accepts brackets without quotes', () => {
  for (const [column, value] of [
    ['Genre', `"[{'id': 16, 'name': 'Anim"`],
    ['Actors', `"[""Tom Skerritt"", ""Sigour"`],
    ['Director', `"[{'job': 'Director', 'na"`],
  ] as const) {
    assert.match(warnings(changed(column, value))[0]?.reason ?? '', /is not a complete list, so it is ignored$/);
  }
  assert.deepEqual(warnings(changed('Genre', '[Drama]')), []);
});

test('truncates values beyond the limits of a movie with a warning', () => {
  for (const [column, value, field, kept] of [
    ['Genre', Array.from({ length: 13 }, (_, i) => `G${i}`).join('|'), 'genres', 12],
    ['Actors', Array.from({ length: 101 }, (_, i) => `A${i}`).join('|'), 'actors', 100],
    ['Description', `${'x'.repeat(4999)}😀 and more`, 'description', 4999],
  ] as const) {
    const text = changed(column, value);
    assert.equal((read(text).movies[0]?.[field] ?? '').length, kept, column);
    assert.match(warnings(text)[0]?.reason ?? '', /^has \d+ (characters|entries); only the first \d+ are kept$/);
  }
});

test('leaves out texts that are too long or invisible with a warning, except the title', () => {
  const long = 'x'.repeat(501);
  for (const [column, value, field, kept] of [
    ['Genre', `Drama|${long}|\u200b|War`, 'genres', ['Drama', 'War']],
    ['Actors', `Bo Li|${long}`, 'actors', ['Bo Li']],
    ['Director', long, 'director', undefined],
  ] as const) {
    const text = changed(column, value);
    assert.deepEqual(read(text).movies[0]?.[field], kept);
    const [warning] = warnings(text);
    assert.deepEqual([warning?.column, warning?.reason.endsWith('characters, so it is ignored')], [column, true]);
  }
  assert.match(problems(changed('Title', long))[0]?.reason ?? '', /at most 300 characters/);
});

test('a text too long for a number is ignored without being parsed', () => {
  // Its patterns would take minutes.
  for (const column of ['Rating', 'Votes', 'Year', 'Runtime (Minutes)', 'Revenue (Millions)', 'Metascore']) {
    const [warning] = warnings(changed(column, `7${' '.repeat(200_000)}${'1'.repeat(200_000)}x`));
    assert.deepEqual(
      [warning?.column, /is not a number, so it is ignored$/.test(warning?.reason ?? '')],
      [column, true],
    );
  }
});

test('accepts films titled Unknown or None, and rows without an id', () => {
  for (const title of ['Unknown', 'None', 'Null', 'NaN'])
    assert.equal(read(changed('Title', title)).movies[0]?.title, title);
  for (const id of ['', '-', 'N/A']) assert.equal(read(changed('Rank', id)).movies[0]?.movieId, undefined);
  assert.equal(read(changed('Rank', '7.0')).movies[0]?.movieId, 7);
  assert.equal(read(changed('Rank', '"1,007"')).movies[0]?.movieId, 1007);
});

test('refuses a row with a control or replacement character in any column', () => {
  for (const column of ['Rank', 'Title', 'Description', 'Votes']) {
    for (const sign of ['\0', '\x07', '\x1b', '\x7f', '\x85', '\ufffd']) {
      const [problem] = problems(changed(column, `x${sign}`));
      assert.equal(problem?.column, '(row)');
      assert.match(problem?.reason ?? '', /control character U\+00|U\+FFFD/);
    }
  }
  assert.match(problems(`${names},Note\n${alien},a\x00b\n`)[0]?.reason ?? '', /U\+0000/);
  assert.equal(read(changed('Description', '"two\r\n\tlines"')).movies.length, 1);
});

test('reads decimal commas when the delimiter is a semicolon', () => {
  const text = `${names.replaceAll(',', ';')}\n7;Alien;Horror;x;A;B;1979;117;8,5;1.234.567;104,93;89\n`;
  const [movie] = read(text).movies;
  assert.deepEqual([movie?.rating, movie?.votes, movie?.revenueMillions], [8.5, 1_234_567, 104.93]);
});

test('takes the year from the title when no column has it', () => {
  assert.deepEqual(
    [changed('Title', 'Aliens (1986)').replace(',1979,', ',,')]
      .map((text) => read(text).movies[0])
      .map((one) => [one?.title, one?.year]),
    [['Aliens', 1986]],
  );
  const [movie] = read(changed('Title', 'Alien (1980)')).movies;
  assert.deepEqual([movie?.title, movie?.year], ['Alien', 1979]);
  assert.match(
    warnings(changed('Title', 'Alien (1980)'))[0]?.reason ?? '',
    /says 1980; the year column's 1979 is used/,
  );
});
