import assert from 'node:assert/strict';
import type { MsgHdrs } from '@nats-io/nats-core';
import { test, vi } from 'vitest';
import type { Connection } from './connection.ts';
import { SnapshotBucket } from './snapshot-bucket.ts';

test('a claim that is given up during a renewal is given up after it', async () => {
  vi.useFakeTimers();
  const published: string[] = [];
  const renewal = Promise.withResolvers<void>();
  const publish = async (_subject: string, _data: string, { headers }: { headers: MsgHdrs }) => {
    const expected = Number(headers.get('Nats-Expected-Last-Subject-Sequence'));
    published.push(`${headers.get('Nats-TTL')} after ${expected}`);
    if (expected === 1) await renewal.promise;
    return { seq: expected + 1 };
  };
  const link = { js: { publish }, unlessLost: <T>(request: Promise<T>) => request };
  const claim = await new SnapshotBucket('toy', { link } as unknown as Connection).claim();
  vi.advanceTimersByTime(5000);
  vi.useRealTimers();
  const released = claim?.[Symbol.asyncDispose]();
  renewal.resolve();
  await released;
  assert.deepEqual(published, ['15s after 0', '15s after 1', '1s after 2']);
  assert.equal(claim?.lost.aborted, false);
});
