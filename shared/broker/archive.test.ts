import assert from 'node:assert/strict';
import type { JetStreamManager } from '@nats-io/jetstream';
import { nanos } from '@nats-io/nats-core';
import { afterEach, beforeEach, test, vi } from 'vitest';
import { archiveOf, requireCurrent } from './archive.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

test('a copy of an archive counts as complete only after it has been idle while connected', async () => {
  const mirror = { lag: 0, active: nanos(10) };
  const streams = { getMessage: async () => null, info: async () => ({ mirror }) };
  const isCurrent = (): Promise<boolean> =>
    requireCurrent({ streams } as unknown as JetStreamManager, archiveOf('VOTES', 'VOTES_hub'), 71).then(
      () => true,
      () => false,
    );
  assert.equal(await isCurrent(), false, 'just connected');
  vi.advanceTimersByTime(4000);
  mirror.active = nanos(4000);
  assert.equal(await isCurrent(), false, 'cut off');
  mirror.active = nanos(10);
  vi.advanceTimersByTime(4000);
  assert.equal(await isCurrent(), false, 'connected again');
  vi.advanceTimersByTime(6000);
  assert.equal(await isCurrent(), true);
});
