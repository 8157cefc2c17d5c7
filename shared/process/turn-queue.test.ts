import assert from 'node:assert/strict';
import { test } from 'vitest';
import { TurnQueue } from './turn-queue.ts';

/** Creates jobs that block the event loop for `ms` each, and append their name to `done`. */
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

test('runs a job immediately when nothing is pending', async () => {
  const queue = new TurnQueue();
  const done: string[] = [];
  add(queue, 'a', jobs('a', 1, { ms: 0, done }));
  assert.deepEqual(done, ['a']);
  await queue.drained();
});

/** Counts how many of 20 jobs run in each event-loop turn. */
async function jobsPerTurn(...queues: TurnQueue[]): Promise<number[]> {
  const done: string[] = [];
  for (const queue of queues) add(queue, 'a', jobs('a', 20 / queues.length, { ms: 10, done }));
  const counts = [done.length];
  while (done.length < 20) {
    const before = done.length;
    await new Promise((resolve) => setImmediate(resolve));
    counts.push(done.length - before);
  }
  return counts;
}

test('spreads many jobs over event-loop turns, also when they are in several queues', async () => {
  for (const count of [1, 5]) {
    const counts = await jobsPerTurn(...Array.from({ length: count }, () => new TurnQueue()));
    assert.ok(Math.max(...counts) <= 2, `${counts} jobs per turn with ${count} queues`);
  }
});

test('serves callers in turn: a late caller waits for one job of each other caller', async () => {
  const queue = new TurnQueue();
  const done: string[] = [];
  add(queue, 'a', jobs('a', 9, { ms: 30, done }));
  add(queue, 'b', jobs('b', 9, { ms: 30, done }));
  add(queue, 'c', jobs('c', 1, { ms: 0, done }));
  await queue.drained();
  assert.equal(done.length, 19);
  assert.ok(done.indexOf('b') <= 2 && done.indexOf('c') <= 3, `order: ${done}`);
  assert.ok(done.lastIndexOf('a') >= 14, `order: ${done}`);
});

test('does not delay a caller when many new callers arrive one after another', async () => {
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
  assert.ok(done.lastIndexOf('a') < 10, `order: ${done}`);
});

test('counts repeated jobs of one caller as one caller', async () => {
  const queue = new TurnQueue();
  const done: string[] = [];
  for (let n = 0; n < 20; n++) add(queue, 'a', jobs('a', 1, { ms: 10, done }));
  add(queue, 'b', jobs('b', 1, { ms: 0, done }));
  await queue.drained();
  assert.ok(done.indexOf('b') <= 3, `order: ${done}`);
});

/** Waits for a turn and one more promise, as code with several awaits does, and then blocks the event loop. */
async function continueAfter(turn: Promise<void>, note: () => void): Promise<void> {
  await turn;
  await null;
  const end = performance.now() + 10;
  while (performance.now() < end);
  note();
}

test('gives code after an await an event-loop turn of its own, also beside other jobs', async () => {
  const queues = [new TurnQueue(), new TurnQueue()];
  const done: string[] = [];
  const all = Array.from({ length: 10 }, (_, n) =>
    continueAfter((queues[n % 2] as TurnQueue).turn('a'), () => done.push('a')),
  );
  add(queues[0] as TurnQueue, 'b', jobs('b', 10, { ms: 10, done }));
  const counts: number[] = [];
  while (done.length < 20) {
    const before = done.length;
    await new Promise((resolve) => setImmediate(resolve));
    counts.push(done.length - before);
  }
  await Promise.all(all);
  assert.ok(Math.max(...counts) <= 2, `${counts} jobs per turn`);
});

test('continues work that has begun before it begins any other', async () => {
  const queue = new TurnQueue();
  const done: string[] = [];
  const note = (name: string) => (): void => void done.push(name);
  const begin = async (): Promise<void> => {
    await continueAfter(queue.turn('a'), note('begun'));
    await continueAfter(queue.turn(), note('ended'));
  };
  await Promise.all([begin(), begin(), begin()]);
  assert.deepEqual(done, ['begun', 'ended', 'begun', 'ended', 'begun', 'ended']);
});
