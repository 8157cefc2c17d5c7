import assert from 'node:assert/strict';
import { test } from 'vitest';
import { decodePosition, encodePosition, tagOf } from './operations/position.ts';
import { positionsOf } from './positions.ts';

test('keeps the places of the latest writes when a position has more than are accepted again', () => {
  const view = { position: () => ({ sequence: 9, created: 'now' }) };
  const { after } = positionsOf(view as never, { site: 'hub', sites: ['hub'] }, {} as never);
  const given = Array.from({ length: 64 }, (_, n) => ({ stream: `S${n}`, sequence: 5, tag: tagOf('now') }));
  const position = after(new Map(Object.entries({ S0: 6, S1: 4, VOTES: 1 })), encodePosition(given)) ?? '';
  assert.equal(decodePosition(position).length, 64);
  assert.match(position, /, S63:5:[^,]+, S0:6:[^,]+, S1:5:[^,]+, VOTES:1:[^,]+$/);
});
