import assert from 'node:assert/strict';
import { test, vi } from 'vitest';
import { Batcher, type BatcherOptions, batched } from './batcher.ts';

/** Creates a batcher whose batches keep running until the test releases them. */
function heldUp(options: Partial<BatcherOptions<string>> = {}) {
  const batches: string[][] = [];
  const releases: (() => void)[] = [];
  const batcher = new Batcher<string>({
    run: (items) => {
      batches.push(items);
      return new Promise<void>((resolve) => releases.push(resolve));
    },
    maxConcurrent: 1,
    ...options,
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const release = async (): Promise<void> => {
    releases.shift()?.();
    // The next batch starts at the end of a turn.
    await turn();
    await turn();
  };
  const add = (items: string) => {
    for (const item of items.split(' ')) batcher.add(item);
  };
  return { batches, batcher, add, release, turn };
}

test('items of one turn of the event loop run together at its end', async () => {
  const { batches, add, turn } = heldUp({ maxConcurrent: 9 });
  add('a b');
  await Promise.resolve().then(() => add('c'));
  assert.deepEqual(batches, []);
  await turn();
  assert.deepEqual(batches, [['a', 'b', 'c']]);
  add('d');
  await turn();
  assert.deepEqual(batches.slice(1), [['d']]);
});

test('items that are added while a batch runs form the next batch', async () => {
  const { batches, add, release, turn } = heldUp();
  add('a');
  await turn();
  add('b c');
  await turn();
  assert.deepEqual(batches, [['a']]);
  await release();
  assert.deepEqual(batches, [['a'], ['b', 'c']]);
});

test('runs no more batches at once than maxConcurrent', async () => {
  const { batches, add, release, turn } = heldUp({ maxConcurrent: 2 });
  for (const item of ['a', 'b', 'c', 'd']) {
    add(item);
    await turn();
  }
  assert.deepEqual(batches, [['a'], ['b']]);
  await release();
  assert.deepEqual(batches.slice(2), [['c', 'd']]);
  await release();
  await release();
  add('e');
  await turn();
  assert.deepEqual(batches.slice(3), [['e']]);
});

test('a batch has no more items or bytes than allowed, but at least one item', async () => {
  const { batches, add, release, turn } = heldUp({ maxItems: 2, maxBytes: 5, sizeOf: (item) => item.length });
  add('aa bb cc dddd ee ffffffffff g');
  await turn();
  for (let i = 0; i < 6; i++) await release();
  assert.deepEqual(batches, [['aa', 'bb'], ['cc'], ['dddd'], ['ee'], ['ffffffffff'], ['g']]);
});

test('flush runs all waiting items when run is synchronous', () => {
  const batches: string[][] = [];
  const batcher = new Batcher<string>({ run: (items) => void batches.push(items), maxItems: 2, maxConcurrent: 1 });
  for (const item of ['a', 'b', 'c']) batcher.add(item);
  assert.deepEqual(batches, []);
  batcher.flush();
  assert.deepEqual(batches, [['a', 'b'], ['c']]);
});

test('batched gives each item its own result, or the error of its batch', async () => {
  let calls = 0;
  const upperCase = batched(
    async (items: string[]) => {
      if (calls++ === 0) throw new Error('away');
      return items.map((item) => item.toUpperCase());
    },
    { maxConcurrent: 1 },
  );
  const all = (items: string[]) => Promise.allSettled(items.map(upperCase));
  for (const { status } of await all(['a', 'b'])) assert.equal(status, 'rejected');
  assert.deepEqual(await all(['a', 'b']), [
    { status: 'fulfilled', value: 'A' },
    { status: 'fulfilled', value: 'B' },
  ]);
});

test('items added with moreToCome wait for the last one, or until the batch is full', async () => {
  const { batches, batcher, turn } = heldUp({ maxConcurrent: 9, lingerMs: 60_000, maxBytes: 3, sizeOf: () => 1 });
  batcher.add('a', true);
  await turn();
  assert.deepEqual(batches, []);
  batcher.add('b');
  await turn();
  assert.deepEqual(batches, [['a', 'b']]);
  for (const item of ['c', 'd', 'e', 'f']) batcher.add(item, true);
  assert.deepEqual(batches.slice(1), [['c', 'd', 'e']]);
});

test('an item added with moreToCome waits no longer than lingerMs', async () => {
  const { batches, batcher } = heldUp({ lingerMs: 1 });
  batcher.add('a', true);
  await vi.waitFor(() => assert.deepEqual(batches, [['a']]));
});
