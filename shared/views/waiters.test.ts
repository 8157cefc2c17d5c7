import assert from 'node:assert/strict';
import { test } from 'vitest';
import { Waiters } from './waiters.ts';

test('where all waits are ended, those that begin later end, too, unless they need not wait', async () => {
  const waiters = new Waiters();
  const before = waiters.wait(() => false);
  waiters.cancelAll();
  const after = [waiters.wait(() => false), waiters.wait(() => true)];
  assert.deepEqual(await Promise.all([before, ...after]), [false, false, true]);
});
