import assert from 'node:assert/strict';
import { test } from 'vitest';
import { Waiters } from './waiters.ts';

test('after cancelAll, later waits resolve to false unless their condition is already met', async () => {
  const waiters = new Waiters();
  const before = waiters.wait(() => false);
  waiters.cancelAll();
  const after = [waiters.wait(() => false), waiters.wait(() => true)];
  assert.deepEqual(await Promise.all([before, ...after]), [false, false, true]);
});
