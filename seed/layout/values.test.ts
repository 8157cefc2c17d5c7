import assert from 'node:assert/strict';
import { test } from 'vitest';
import { readGenres, readPeople, readTitles } from './lists.ts';
import { readLiteral } from './literal.ts';
import { readCount, readMillions, readNumber, readScore } from './numbers.ts';
import { readMinutes, readYear } from './times.ts';
import { readTitle } from './titles.ts';
import { isUnknown } from './unreadable.ts';

const dots = { decimalComma: false };
const commas = { decimalComma: true };

/** Checks that each text is read as the wanted value or throws the wanted error. */
function table<T>(read: (text: string) => T, rows: [text: string, wanted: T | 'Unreadable' | 'Doubtful'][]): void {
  for (const [text, wanted] of rows) {
    let got: unknown;
    try {
      got = read(text);
    } catch (error) {
      got = (error as Error).name;
    }
    assert.deepEqual(got, wanted, text);
  }
}

test('recognizes words for an unknown value', () => {
  for (const text of [
    '',
    '-',
    '–',
    'N/A',
    'n/a',
    String.raw`\N`,
    'NaN',
    'null',
    'None',
    'Unknown',
    'NA',
    '?',
    '#VALUE!',
  ]) {
    assert.ok(isUnknown(text), text);
  }
  for (const text of ['0', 'no', 'Nana', 'Unknown Pleasures', '--- a']) assert.ok(!isUnknown(text), text);
});

test('reads numbers', () => {
  table(
    (text) => readNumber(text, dots),
    [
      ['7.5', 7.5],
      ['-3', -3],
      ['+5', 5],
      ['.5', 0.5],
      ['2.8e9', 2.8e9],
      ['1,234', 1234],
      ['28,341,469', 28_341_469],
      ['28,341,469.5', 28_341_469.5],
      ['1 234 567', 1_234_567],
      ['1\u00a0234\u202f567', 1_234_567],
      ["1'234", 1234],
      ['1.234.567', 1_234_567],
      ['7,5', 'Doubtful'],
      ['1,23', 'Doubtful'],
      ['２００１', 'Doubtful'],
      ['٢٠٠١', 'Doubtful'],
      ['PG', 'Unreadable'],
      ['12 monkeys', 'Unreadable'],
      ['0x10', 'Unreadable'],
      ['1,23,456', 'Unreadable'],
    ],
  );
  table(
    (text) => readNumber(text, commas),
    [
      ['7,5', 7.5],
      ['7.5', 7.5],
      ['1.234,5', 1234.5],
      ['12,500', 12.5],
      ['1.234.567', 1_234_567],
      ['1,234.5', 1234.5],
    ],
  );
  table(
    (text) => readCount(text, commas),
    [
      ['1,234', 1234],
      ['1.234', 1234],
      ['2.343.110', 2_343_110],
    ],
  );
  table(
    (text) => readCount(text, dots),
    [
      ['1.2M', 1_200_000],
      ['28K', 28_000],
      ['2343110.0', 2_343_110],
    ],
  );
  table(
    (text) => readScore(text, 10, dots),
    [
      ['8.1', 8.1],
      ['8.1/10', 8.1],
      ['8 / 10', 8],
    ],
  );
  table(
    (text) => readScore(text, 100, dots),
    [
      ['80', 80],
      ['80%', 80],
      ['80/100', 80],
      ['80.0', 80],
    ],
  );
});

test('reads money in the unit of its column, unless the value states its own', () => {
  table(
    (text) => readMillions(text, 'millions', dots),
    [
      ['12.5', 12.5],
      ['$12.5', 12.5],
      ['$1.5M', 1.5],
      ['1.5 million', 1.5],
      ['$2.8B', 2800],
      ['US$ 700K', 0.7],
      ['1.5 mln USD', 1.5],
      ['10000', 10_000],
      ['10001', 'Doubtful'],
      ['$28,341,469', 'Doubtful'],
      ['28341469', 'Doubtful'],
      ['€5M', 'Unreadable'],
      ['INR 700,000', 'Unreadable'],
      ['5 kr', 'Unreadable'],
    ],
  );
  table(
    (text) => readMillions(text, 'dollars', dots),
    [
      ['28341469', 28.341469],
      ['28,341,469', 28.341469],
      ['$28,341,469.00', 28.341469],
      ['$28.34M', 28.34],
      ['2.787965087e+09', 2787.965087],
      ['100', 0.0001],
      ['28341469000', 'Doubtful'],
    ],
  );
});

test('reads years', () => {
  table(
    (text) => readYear(text, dots),
    [
      ...[
        '1994',
        '(1994)',
        '1994.0',
        '(I) (1994)',
        'II 1994',
        '1994-05-06',
        '1994/05/06',
        '06.05.1994',
        '5/6/1994',
      ].map((text): [string, number] => [text, 1994]),
      ...['May 6, 1994', '6 May 1994', 'September 25, 1994', '14 Oct 1994 (USA)', '1994 (USA)', 'October 1994'].map(
        (text): [string, number] => [text, 1994],
      ),
      ...['1994–2013', '1994-13', '1994-', '(1994– )', '1994 - present', '1994-05-06T10:00:00Z', '19940506'].map(
        (text): [string, number] => [text, 1994],
      ),
      ...['1994-05-06 10:00:00+02', '1994-05-06T10:00:00.5-05:30', '5/6/1994 12:00:00 AM'].map(
        (text): [string, number] => [text, 1994],
      ),
      ['1066', 1066],
      ['14-Oct-94', 'Unreadable'],
      ['PG', 'Unreadable'],
      ['Bo Li, Cy Moe', 'Unreadable'],
      ['A film of the year 1994 and others', 'Unreadable'],
      ['２００１', 'Doubtful'],
    ],
  );
});

test('reads durations', () => {
  table(
    (text) => readMinutes(text, dots),
    [
      ...['90', '90.0', '90 min', '90min', '90 mins.', '90 minutes', '90m', '1h 30m', '1h30', '1 h 30 min'].map(
        (text): [string, number] => [text, 90],
      ),
      ...['1 hr 30 min', '1 hour 30 minutes', '1 hour and 30 minutes', '1:30', '1:30:00', 'PT1H30M', '1.5 hours'].map(
        (text): [string, number] => [text, 90],
      ),
      ['2h', 120],
      ['90.4', 90],
      ['89.5 min', 90],
      ['PT45M', 45],
      ['1,440 min', 1440],
      ['2 Seasons', 'Unreadable'],
      ['long', 'Unreadable'],
    ],
  );
  assert.equal(readMinutes('1,5 h', commas), 90);
});

test('reads lists', () => {
  for (const text of [
    'Action,Sci-Fi',
    'Action|Sci-Fi',
    'Action/Sci-Fi',
    'Action; Sci-Fi',
    ' Action , action, Sci-Fi,',
  ]) {
    assert.deepEqual(readGenres(text.trim()), ['Action', 'Sci-Fi'], text);
  }
  for (const text of [
    '[{"id": 28, "name": "Action"}, {"id": 1, "name": "Sci-Fi"}]',
    "[{'id': 28, 'name': 'Action'}, {'id': 1, 'name': \"Sci-Fi\"}]",
    "['Action', 'Sci-Fi']",
    '["Action", "Sci-Fi"]',
    "('Action', 'Sci-Fi')",
    '[Action, Sci-Fi]',
    '{Action,Sci-Fi}',
    '{"Action",Sci-Fi}',
    '"Action","Sci-Fi"',
    '"Action, Sci-Fi"',
  ]) {
    assert.deepEqual(readGenres(text), ['Action', 'Sci-Fi'], text);
  }
  for (const text of ['', '[]', '(no genres listed)', String.raw`\N`, 'N/A', '{}']) {
    assert.deepEqual(readGenres(text), [], text);
  }
  assert.deepEqual(readPeople('Bo Li, Cy Moe'), ['Bo Li', 'Cy Moe']);
  assert.deepEqual(readPeople('Bo Li|Cy Moe, Jr.'), ['Bo Li', 'Cy Moe, Jr.']);
  assert.deepEqual(readPeople('Robert Downey, Jr., Cy Moe'), ['Robert Downey, Jr.', 'Cy Moe']);
  assert.deepEqual(readPeople('Bo Li; Cy Moe; bo li'), ['Bo Li', 'Cy Moe']);
  const crew = "[{'job': 'Director', 'name': \"Ann O'Lee\"}, {'job': 'Editor', 'name': 'Ed Poe', 'id': None}]";
  assert.deepEqual(readPeople(crew, 'Director'), ["Ann O'Lee"]);
  assert.deepEqual(readTitles('Good, Bad, Ugly|7/8'), ['Good, Bad, Ugly', '7/8']);
  assert.deepEqual(readTitles('[REC]|(500) Days'), ['[REC]', '(500) Days']);
  for (const text of ['[REC]', '(500)', '[1984]', "('71)", "('Til) Now"]) assert.deepEqual(readTitles(text), [text]);
  assert.deepEqual(readPeople("[Peter O'Toole, Ann Lee]"), ["Peter O'Toole", 'Ann Lee']);
  for (const text of ['{"Downey, Robert","Li, Bo"}', '"Downey, Robert","Li, Bo"'])
    assert.deepEqual(readPeople(text), ['Downey, Robert', 'Li, Bo'], text);
  assert.deepEqual(readPeople('"Weird Al" Yankovic, Bo Li'), ['"Weird Al" Yankovic', 'Bo Li']);
  assert.deepEqual(readGenres("[Children's, Comedy]"), ["Children's", 'Comedy']);
  assert.deepEqual(readGenres("[None, 'Comedy']"), ['Comedy']);
  assert.deepEqual(readGenres(`[u'Action', u"Child's"]`), ['Action', "Child's"]);
  assert.deepEqual(readGenres('[{"name": null}, null]'), []);
  // Lists of ids, or of objects without a `name`, give a warning instead of an empty list.
  const nameless = ['[28, 12]', '[{"id": 28}]', `{'/m/1': 'Drama'}`];
  const broken = ['["Action", "Sci]', '{"Action","Sci}', '{"Sci, Fi",Action}', '{"name": "Action" "id": 28}'];
  for (const text of ["['Action', 'Sci", "('Action', 'Sci", '("Action', ...broken, ...nameless]) {
    assert.throws(() => readGenres(text), { name: 'Unreadable' }, text);
  }
});

test('parses Python literals', () => {
  assert.deepEqual(readLiteral(String.raw`[{'a': 'it\'s', 'b': "x\xe9\u00e9\n", 'c': -1.5, 'd': True}, None]`), [
    { a: "it's", b: 'xéé\n', c: -1.5, d: true },
    null,
  ]);
  for (const text of ['[', "['a'", "[{'a'}]", "['a' 'b']", '[1] x', '[a]', "{'a': }", '['.repeat(100_000)]) {
    assert.equal(readLiteral(text), undefined, text.slice(0, 20));
  }
});

test('parses titles', () => {
  const title = (text: string, others = true) => {
    const read = readTitle(text, others);
    return [read.title, read.year, ...read.alternativeTitles];
  };
  assert.deepEqual(title('Toy Story (1995)'), ['Toy Story', 1995]);
  assert.deepEqual(title('Usual Suspects, The (1995)', false), ['The Usual Suspects', 1995]);
  assert.deepEqual(title('Lighthouse, The (Leuchtturm, Der) (2004)'), ['The Lighthouse', 2004, 'Der Leuchtturm']);
  const blanks = `A (${' '.repeat(1_000_000)}b`;
  assert.deepEqual(title(blanks), [blanks, undefined], 'parsing it would take minutes');
  assert.deepEqual(title("Li'l Quinquin (    )"), ["Li'l Quinquin", undefined]);
  assert.deepEqual(title('Seven (a.k.a. Se7en) (1995)'), ['Seven', 1995, 'Se7en']);
  assert.deepEqual(title('One (Two) (Three) (1999)'), ['One', 1999, 'Two', 'Three']);
  assert.deepEqual(title("Avventura, L' (a.k.a. Adventure, The) (1960)"), ["L'Avventura", 1960, 'The Adventure']);
  assert.deepEqual(title('Serie (1994–1996)'), ['Serie', 1994]);
  assert.deepEqual(title('Rocky (Part 2)', false), ['Rocky (Part 2)', undefined]);
  assert.deepEqual(title('(500) Days of Summer (2009)'), ['(500) Days of Summer', 2009]);
  for (const text of [
    '1984',
    '(1994)',
    'Me, Myself & Irene',
    'Untitled Reel',
    '2001: A Space Odyssey',
    'Them, Their',
  ]) {
    assert.deepEqual(title(text), [text, undefined]);
  }
});
