import assert from 'node:assert/strict';
import { test } from 'vitest';
import { Cache, CommittedVersion } from './cache.ts';

/** A cache with what counts how often something had to be made. */
function open() {
  const version = new CommittedVersion();
  const cache = new Cache(new CommittedVersion(version.counter));
  let made = 0;
  const number = (key: string | number = 'key'): number => cache.cached(key, () => ++made);
  const commit = (): void => {
    version.committing();
    version.committed();
  };
  return { version, cache, number, commit };
}

test('an answer is made once for each version of the view', () => {
  const { number, commit } = open();
  assert.deepEqual([number(), number(), number(1), number(1)], [1, 1, 2, 2]);
  commit();
  assert.deepEqual([number(), number(), number(1)], [3, 3, 4]);
});

test('nothing is kept, nor taken from what was kept, while a transaction is being committed', () => {
  const { version, number } = open();
  assert.equal(number(), 1);
  version.committing();
  assert.deepEqual([number(), number()], [2, 3]);
  version.committed();
  assert.deepEqual([number(), number()], [4, 4]);
});

test('an answer that was made while the view changed is not kept', () => {
  const { cache, commit } = open();
  const made = ['old', 'new'];
  const make = (): string | undefined => {
    commit();
    return made.shift();
  };
  assert.deepEqual([cache.cached(1, make), cache.cached(1, make)], ['old', 'new']);
});

test('a transaction that failed before its commit changes no version', () => {
  const { version, number } = open();
  assert.equal(number(), 1);
  version.committed();
  assert.equal(number(), 1);
  version.committing();
  version.committed();
  version.committed();
  assert.deepEqual([number(), number()], [2, 2]);
});

test('it starts anew when it is full, and keeps nothing of what is not there', () => {
  const { cache, number } = open();
  assert.equal(number(), 1);
  for (let key = 0; key < 3; key++) cache.cached(key, () => ({ document: 'x'.repeat(1_500_000), revision: 1 }));
  assert.equal(number(), 2);
  assert.equal(
    cache.cached('none', () => undefined),
    undefined,
  );
  assert.equal(
    cache.cached('none', () => 'there'),
    'there',
  );
});
