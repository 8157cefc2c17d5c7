import assert from 'node:assert/strict';
import { test } from 'vitest';
import { derivedId, isUserId, timeOrderedId } from './ids.ts';

test('time-ordered ids are version 7 UUIDs that sort by millisecond', () => {
  const moments = [0, 1, 999, Date.UTC(2030, 0, 1), 2 ** 48 - 1];
  const ids = moments.map((now) => timeOrderedId(now));
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual([...ids].sort(), ids);
  assert.equal(new Set(Array.from({ length: 1000 }, () => timeOrderedId(5))).size, 1000);
});

test('a user id has 1 to 255 characters and no lone surrogate', () => {
  for (const user of ['a', ' ', 'auth0|abc123', 'é'.repeat(255), '🎬'.repeat(255)]) assert.ok(isUserId(user), user);
  for (const user of ['', 'é'.repeat(256), '🎬'.repeat(256), 'x'.repeat(1e6), 'a\ud83c']) assert.ok(!isUserId(user));
});

test('derived ids depend on the parts and on the boundaries between them', () => {
  assert.equal(derivedId('a', 'b'), derivedId('a', 'b'));
  const ids = [derivedId('ab'), derivedId('a', 'b'), derivedId('b', 'a'), derivedId('a', 'b', ''), derivedId('a","b')];
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
});
