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

function add(queue: TurnQueue, caller: string, jobs: (() => void)[]): void {
  for (const job of jobs) queue.add(caller, job);
}

test('what comes alone is done at once', async () => {
  const queue = new TurnQueue();
  const done: string[] = [];
  add(queue, 'a', jobs('a', 1, { ms: 0, done }));
  assert.deepEqual(done, ['a']);
  await queue.drained();
});

/** Of 20 jobs how many are done in each turn of the event loop. */
async function sharesOf(...queues: TurnQueue[]): Promise<number[]> {
  const done: string[] = [];
  for (const queue of queues) add(queue, 'a', jobs('a', 20 / queues.length, { ms: 10, done }));
  const shares = [done.length];
  while (done.length < 20) {
    const before = done.length;
    await new Promise((resolve) => setImmediate(resolve));
    shares.push(done.length - before);
  }
  return shares;
}

test('much work leaves turns to others, also where it is in several queues', async () => {
  for (const count of [1, 5]) {
    const shares = await sharesOf(...Array.from({ length: count }, () => new TurnQueue()));
    assert.ok(Math.max(...shares) <= 2, `shares of ${shares} with ${count} queues`);
  }
});

test('callers take turns: who asks late and for little waits for one job of each of the others', async () => {
  const queue = new TurnQueue();
  const done: string[] = [];
  add(queue, 'a', jobs('a', 9, { ms: 30, done }));
  add(queue, 'b', jobs('b', 9, { ms: 30, done }));
  add(queue, 'c', jobs('c', 1, { ms: 0, done }));
  await queue.drained();
  assert.equal(done.length, 19);
  assert.ok(done.indexOf('b') <= 2 && done.indexOf('c') <= 3, `done in the order ${done}`);
  assert.ok(done.lastIndexOf('a') >= 14, `done in the order ${done}`);
});

test('many who come one after another do not hold up one that has begun', async () => {
  const queue = new TurnQueue();
  const done: string[] = [];
  add(queue, 'a', jobs('a', 5, { ms: 10, done }));
  let callers = 0;
  const another = (): void => {
    const [job] = jobs('b', 1, { ms: 10, done });
    queue.add(callers++, () => {
      job?.();
      if (callers < 20) another();
    });
  };
  another();
  await queue.drained();
  assert.equal(done.length, 25);
  assert.ok(done.lastIndexOf('a') < 10, `done in the order ${done}`);
});

test('who asks again and again is still one caller', async () => {
  const queue = new TurnQueue();
  const done: string[] = [];
  for (let n = 0; n < 20; n++) add(queue, 'a', jobs('a', 1, { ms: 10, done }));
  add(queue, 'b', jobs('b', 1, { ms: 0, done }));
  await queue.drained();
  assert.ok(done.indexOf('b') <= 3, `done in the order ${done}`);
});

/** Goes on after a turn, as code with several things to await does, and keeps the event loop busy then. */
async function goOn(turn: Promise<void>, note: () => void): Promise<void> {
  await turn;
  await null;
  const end = performance.now() + 10;
  while (performance.now() < end);
  note();
}

test('what goes on after something awaited has a turn of its own, also beside other jobs', async () => {
  const queues = [new TurnQueue(), new TurnQueue()];
  const done: string[] = [];
  const all = Array.from({ length: 10 }, (_, n) => goOn((queues[n % 2] as TurnQueue).turn('a'), () => done.push('a')));
  add(queues[0] as TurnQueue, 'b', jobs('b', 10, { ms: 10, done }));
  const shares: number[] = [];
  while (done.length < 20) {
    const before = done.length;
    await new Promise((resolve) => setImmediate(resolve));
    shares.push(done.length - before);
  }
  await Promise.all(all);
  assert.ok(Math.max(...shares) <= 2, `shares of ${shares}`);
});

test('what has begun goes on before anything else begins', async () => {
  const queue = new TurnQueue();
  const done: string[] = [];
  const note = (name: string) => (): void => void done.push(name);
  const begin = async (): Promise<void> => {
    await goOn(queue.turn('a'), note('begun'));
    await goOn(queue.turn(), note('ended'));
  };
  await Promise.all([begin(), begin(), begin()]);
  assert.deepEqual(done, ['begun', 'ended', 'begun', 'ended', 'begun', 'ended']);
});
