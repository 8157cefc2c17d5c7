import assert from 'node:assert/strict';
import { test } from 'vitest';
import { decodePosition, encodePosition } from './position.ts';

test('drops the first places of a position that would have too many to be accepted again', () => {
  const places = Array.from({ length: 65 }, (_, n) => ({ stream: `VOTES_edge${n}`, sequence: 1, tag: 'abcdefgh' }));
  assert.deepEqual(decodePosition(encodePosition(places)), places.slice(1));
});
