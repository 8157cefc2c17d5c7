import assert from 'node:assert/strict';
import { test } from 'vitest';
import { groups, type Readings } from './expressions.ts';
import { understand } from './understand.ts';

test('a parted word may end in the beginning of another, but in texts not in a single letter', () => {
  const { terms } = understand('drama');
  const parted = (split: string[], texts: boolean): string[] => {
    const readings: Readings = {
      known: new Set(),
      corrections: [[]],
      genres: new Set(),
      splits: [[split]],
      joins: [undefined],
    };
    return groups(terms, readings, { texts, parted: true, corrected: false }, 0);
  };
  assert.match(parted(['dra', 'ma'], true).join(), /\("dra" AND "ma"\*\)/);
  assert.match(parted(['dram', 'a'], false).join(), /\("dram" AND "a"\*\)/);
  assert.match(parted(['dram', 'a'], true).join(), /\("dram" AND "a"\)/);
});
