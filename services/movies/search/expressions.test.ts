import assert from 'node:assert/strict';
import { test } from 'vitest';
import { every, groups, partial, type Readings, together } from './expressions.ts';
import { understand } from './understand.ts';

const nothing: Readings = {
  begun: [],
  known: new Set(),
  corrections: [],
  genres: new Set(),
  splits: [],
  joins: [],
  mistyped: [],
  anchors: [],
};

test('the last part of a split word is a prefix, unless it is long, or a single letter in texts', () => {
  const { terms } = understand('drama');
  const formsOf = (words: string[], texts: boolean): string[] => {
    const readings = { ...nothing, splits: [[words]] };
    return groups(terms, readings, { texts, split: true, corrected: false }, 0);
  };
  assert.match(formsOf(['dra', 'ma'], true).join(), /\("dra" AND "ma"\*\)/);
  assert.match(formsOf(['dram', 'a'], false).join(), /\("dram" AND "a"\*\)/);
  assert.match(formsOf(['dram', 'a'], true).join(), /\("dram" AND "a"\)/);
  for (const texts of [true, false]) assert.match(formsOf(['dr', 'amama'], texts).join(), /\("amama" AND "dr"\)/);
});

test('a long prefix becomes the few words that start with it, and an article before other words is no prefix', () => {
  const inNames = (q: string, begun: Readings['begun']): string[] =>
    groups(understand(q).terms, { ...nothing, begun }, { texts: false, split: false, corrected: false }, -1);
  assert.deepEqual(inNames('micha', [['micha', 'michael']]), ['("micha" OR "michael")']);
  assert.deepEqual(inNames('the mic', []), ['"the"', '"mic"*']);
  assert.deepEqual(inNames('the', []), ['"the"*']);
});

test('includes an article beside a year, but not words such as "movies"', () => {
  const inTexts = (q: string): number =>
    groups(understand(q).terms, nothing, { texts: true, split: false, corrected: false }, 0.2).length;
  assert.equal(inTexts('it 2017'), 2);
  assert.equal(inTexts('it 2017 psycho'), 2);
  for (const q of ['1994 movies', '90s movies', 'movies from 1994', '2012 the movie']) assert.equal(inTexts(q), 1, q);
});

test('every further part is evaluated only where those before agree', () => {
  assert.equal(every(['"the"']), '"the"');
  assert.equal(every(['"she"', '"godfather"']), '("she" AND "godfather")');
  assert.equal(
    every(['"a"', '"b"', '("c" OR "d")', '"e"']),
    '((((("a" AND "b") NOT "§") AND ("c" OR "d")) NOT "§") AND "e")',
  );
  assert.equal(together(['"she"', '("godfather" OR "x")']), '(("godfather" OR "x") AND "she")');
});

test('in texts a known word is not split, and only the first of several years is a year', () => {
  const { terms } = understand('mother');
  const readings = { ...nothing, known: new Set(['mother']), splits: [[['mot', 'her']]] };
  const formsOf = (texts: boolean): string =>
    groups(terms, readings, { texts, split: true, corrected: false }, 0).join();
  assert.match(formsOf(false), /"mot" AND "her"\*/);
  assert.doesNotMatch(formsOf(true), /"mot"/);
  const years = groups(understand('1994 1980s').terms, nothing, { texts: true, split: false, corrected: false }, 0);
  assert.equal(years[0]?.includes('"§1994"'), true);
  assert.equal(years[1]?.includes('§'), false);
});

test('combines three groups at most: all of them, all but one, then each alone', () => {
  const three = [['a', 'b', 'c'], ['b', 'c'], ['a', 'c'], ['a', 'b'], ['a'], ['b'], ['c']];
  assert.deepEqual(partial(['a', 'b', 'c', 'd']), three);
  assert.deepEqual(partial(['a', 'b']), [['a', 'b'], ['a'], ['b']]);
  assert.deepEqual(partial([]), []);
});
