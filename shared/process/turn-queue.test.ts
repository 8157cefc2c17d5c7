import assert from 'node:assert/strict';
import { test } from 'vitest';
import { TurnQueue } from './turn-queue.ts';

/** Jobs that keep the event loop busy for a while, and note that they were done. */
function jobs(name: string, count: number, { ms, done }: { ms: number; done: string[] }): (() => void)[] {
  return Array.from({ length: count }, () => () => {
    const end = performance.now() + ms;
    while (performance.now() < end);
    done.push(name);
  });
}

test('what comes alone is done at once', async () => {
  const queue = new TurnQueue();
  const done: string[] = [];
  queue.add(jobs('a', 1, { ms: 0, done }));
  assert.deepEqual(done, ['a']);
  await queue.drained();
});

test('much work leaves turns to others', async () => {
  const queue = new TurnQueue();
  const done: string[] = [];
  queue.add(jobs('a', 20, { ms: 10, done }));
  const shares = [done.length];
  while (done.length < 20) {
    const before = done.length;
    await new Promise((resolve) => setImmediate(resolve));
    shares.push(done.length - before);
  }
  assert.ok(Math.max(...shares) <= 3, `shares of ${shares}`);
});

test('batches take turns: what comes late and alone is done soon', async () => {
  const queue = new TurnQueue();
  const done: string[] = [];
  queue.add(jobs('a', 9, { ms: 30, done }));
  queue.add(jobs('b', 9, { ms: 30, done }));
  queue.add(jobs('c', 1, { ms: 0, done }));
  await queue.drained();
  assert.equal(done.length, 19);
  assert.ok(done.indexOf('c') <= 3, `done in the order ${done}`);
  assert.ok(done.indexOf('b') <= 2, `done in the order ${done}`);
  assert.ok(done.lastIndexOf('a') >= 14, `done in the order ${done}`);
});

test('many batches that come one after another do not hold up one that has begun', async () => {
  const queue = new TurnQueue();
  const done: string[] = [];
  queue.add(jobs('a', 5, { ms: 30, done }));
  for (let n = 0; n < 20; n++) queue.add(jobs('b', 1, { ms: 10, done }));
  await queue.drained();
  assert.ok(done.lastIndexOf('a') < 20, `done in the order ${done}`);
});
