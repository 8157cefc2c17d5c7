import assert from 'node:assert/strict';
import { test } from 'vitest';
import { Cache } from './cache.ts';

test('it starts anew when it is full, and keeps nothing of what is not there', () => {
  const cache = new Cache();
  let made = 0;
  const number = (key: string | number = 'key'): number => cache.cached(key, () => ++made);
  assert.deepEqual([number(), number(), number(1), number(1)], [1, 1, 2, 2]);
  for (let key = 0; key < 3; key++) cache.cached(`${key}`, () => ({ document: 'x'.repeat(1_500_000), revision: 1 }));
  assert.equal(number(), 3);
  assert.equal(
    cache.cached('none', () => undefined),
    undefined,
  );
  assert.equal(
    cache.cached('none', () => 'there'),
    'there',
  );
});
