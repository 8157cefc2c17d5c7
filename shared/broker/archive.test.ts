import assert from 'node:assert/strict';
import { nanos } from '@nats-io/nats-core';
import { afterEach, beforeEach, test, vi } from 'vitest';
import { hasBeenIdle } from './archive.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

test('a copy has been idle only after some seconds in which it was connected and without lag', () => {
  const isIdle = (activeMs: number, lag = 0): boolean =>
    hasBeenIdle('ARCHIVE_hub 71', { lag, active: nanos(activeMs) });
  assert.equal(isIdle(10), false, 'just connected');
  vi.advanceTimersByTime(4000);
  assert.equal(isIdle(4000), false, 'cut off');
  assert.equal(isIdle(10), false, 'connected again');
  vi.advanceTimersByTime(4000);
  assert.equal(isIdle(10, 3), false, 'receives messages');
  assert.equal(isIdle(10), false, 'has received them');
  vi.advanceTimersByTime(6000);
  assert.equal(isIdle(10), true);
});
