import assert from 'node:assert/strict';
import { test } from 'vitest';
import { every, groups, type Readings } from './expressions.ts';
import { understand } from './understand.ts';

const nothing: Readings = {
  begun: [],
  known: new Set(),
  corrections: [],
  genres: new Set(),
  splits: [],
  joins: [],
};

test('a parted word may end in the beginning of another, but in texts not in a single letter', () => {
  const { terms } = understand('drama');
  const parted = (split: string[], texts: boolean): string[] => {
    const readings = { ...nothing, splits: [[split]] };
    return groups(terms, readings, { texts, parted: true, corrected: false }, 0);
  };
  assert.match(parted(['dra', 'ma'], true).join(), /\("dra" AND "ma"\*\)/);
  assert.match(parted(['dram', 'a'], false).join(), /\("dram" AND "a"\*\)/);
  assert.match(parted(['dram', 'a'], true).join(), /\("dram" AND "a"\)/);
});

test('a long beginning is looked for as the few words that have it, and an article as itself', () => {
  const inNames = (q: string, begun: Readings['begun']): string[] =>
    groups(understand(q).terms, { ...nothing, begun }, { texts: false, parted: false, corrected: false }, -1);
  assert.deepEqual(inNames('micha', [['micha', 'michael']]), ['("micha" OR "michael")']);
  assert.deepEqual(inNames('the mic', []), ['"the"', '"mic"*']);
  assert.deepEqual(inNames('the', []), ['"the"*']);
});

test('what few movies have stands first, and each further part is asked for those only that have the ones before', () => {
  assert.equal(every(['"the"']), '"the"');
  assert.equal(every(['"she"', '"godfather"']), '("godfather" AND "she")');
  assert.equal(
    every(['"§drama"', '"she"', '("1985" OR "§1985")']),
    '(((("1985" OR "§1985") AND "she") NOT "§") AND "§drama")',
  );
});
