import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, test, vi } from 'vitest';
import type { Connection } from '../broker/connection.ts';
import { replicasOf } from './hedging.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

/** Tracks replicas that answer every ping, except the hanging ones. */
function start(...hanging: string[]) {
  const pinged: string[] = [];
  const request = (subject: string): Promise<void> => {
    const id = subject.split('.').at(-1) as string;
    pinged.push(id);
    return hanging.includes(id) ? new Promise(() => {}) : Promise.resolve();
  };
  const connection = { link: { nc: { request } } } as unknown as Connection;
  return { replicas: replicasOf('echo', connection), pinged };
}

/** Advances the clock and returns the new time. */
function after(ms: number): number {
  vi.advanceTimersByTime(ms);
  return performance.now();
}

test('hedges to a replica that was sent nothing since, once it answers a ping', async () => {
  const { replicas, pinged } = start('b');
  replicas.responded('b', after(1));
  const toA = after(10);
  const toB = after(10);
  replicas.responded('a', toA);
  after(400);
  replicas.pingSilent(toB);
  assert.deepEqual(pinged.sort(), ['a', 'b']);
  await nextTurn();
  assert.deepEqual([replicas.hedge(toB), replicas.target], [{ replica: 'a' }, 'a']);
});

test('does not hedge to a busy replica, which has responded only to earlier messages', () => {
  const { replicas, pinged } = start();
  const before = after(10);
  const sentAt = after(10);
  after(400);
  replicas.responded('a', before);
  replicas.pingSilent(sentAt);
  assert.deepEqual([pinged, replicas.hedge(sentAt)], [[], undefined]);
});

test('hedges to any replica while none is known', () => {
  const { replicas } = start();
  assert.deepEqual(replicas.hedge(after(10)), { replica: undefined });
});
