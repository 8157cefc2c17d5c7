import assert from 'node:assert/strict';
import { test } from 'vitest';
import { Group, type GroupOptions } from './batcher.ts';

/** A commit that the test holds up: each call waits until it is released. */
function heldUp(options: Partial<GroupOptions<string>> = {}) {
  const commits: string[][] = [];
  const releases: (() => void)[] = [];
  const group = new Group<string, string>(
    async (items) => {
      commits.push(items);
      await new Promise<void>((resolve) => releases.push(resolve));
      return items.map((item) =>
        item.startsWith('bad')
          ? { status: 'rejected', reason: new Error(item) }
          : { status: 'fulfilled', value: item.toUpperCase() },
      );
    },
    { maxItems: 100, maxBytes: 1000, sizeOf: (item) => item.length, ...options },
  );
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const release = async (): Promise<void> => {
    releases.shift()?.();
    // The next commit begins at the end of a turn.
    await turn();
    await turn();
  };
  return { group, commits, release, turn };
}

test('what comes during a commit goes out together in the next', async () => {
  const { group, commits, release, turn } = heldUp();
  const first = group.add('a');
  await turn();
  const later = [group.add('b'), group.add('c')];
  assert.deepEqual(commits, [['a']]);
  assert.equal(group.size, 2);
  await release();
  assert.deepEqual(commits, [['a'], ['b', 'c']]);
  await release();
  assert.deepEqual(await Promise.all([first, ...later]), ['A', 'B', 'C']);
});

test('where two commits may be under way, no third one is, and no key is in both', async () => {
  const { group, commits, release, turn } = heldUp({ parallel: 2, keyOf: (item) => item[0] });
  const done = [group.add('a1')];
  await turn();
  done.push(group.add('a2'), group.add('b1'));
  await turn();
  assert.deepEqual(commits, [['a1'], ['b1']]);
  done.push(group.add('c1'), group.add('b2'));
  await turn();
  assert.equal(group.size, 3);
  await release();
  assert.deepEqual(commits.slice(2), [['a2', 'c1']]);
  await release();
  assert.deepEqual(commits.slice(3), [['b2']]);
  await release();
  await release();
  assert.deepEqual(await Promise.all(done), ['A1', 'A2', 'B1', 'C1', 'B2']);
  done.push(group.add('a3'));
  await turn();
  await release();
  assert.equal(await done.at(-1), 'A3');
});

test('so many as are enough go out while the turn goes on, and fewer only when nothing is under way', async () => {
  const { group, commits, release, turn } = heldUp({ enough: 2, parallel: 3 });
  const done = Promise.all(['a', 'b', 'c', 'd', 'e'].map((item) => group.add(item)));
  assert.deepEqual(commits.map(String), ['a,b', 'c,d']);
  await turn();
  await release();
  assert.equal(commits.length, 2, 'one that is alone waits');
  await release();
  assert.deepEqual(commits.slice(2).map(String), ['e']);
  const later = Promise.all(['f', 'g', 'h', 'i', 'j', 'k', 'l'].map((item) => group.add(item)));
  assert.deepEqual(commits.slice(3).map(String), ['f,g', 'h,i'], 'no more than three are under way');
  await release();
  assert.deepEqual(commits.slice(5).map(String), ['j,k,l'], 'what came meanwhile goes together');
  for (let i = 0; i < 3; i++) await release();
  assert.deepEqual(await done, ['A', 'B', 'C', 'D', 'E']);
  assert.deepEqual(await later, ['F', 'G', 'H', 'I', 'J', 'K', 'L']);
});

test('each item has its own outcome', async () => {
  const { group, release, turn } = heldUp();
  const outcomes = Promise.allSettled([group.add('a'), group.add('bad'), group.add('c')]);
  await turn();
  await release();
  assert.deepEqual(
    (await outcomes).map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : outcome.reason.message)),
    ['A', 'bad', 'C'],
  );
});

test('a commit that fails as a whole fails each of its items, and the next goes on', async () => {
  let calls = 0;
  const group = new Group<string, string>(
    async (items) => {
      if (calls++ === 0) throw new Error('away');
      return items.map((value) => ({ status: 'fulfilled', value }));
    },
    { maxItems: 10, maxBytes: 100, sizeOf: () => 1 },
  );
  await assert.rejects(group.add('a'), /away/);
  assert.equal(await group.add('b'), 'b');
});

test('a commit has no more items or bytes than allowed, but at least one item', async () => {
  const { group, commits, release, turn } = heldUp({ maxItems: 2, maxBytes: 5 });
  const done = Promise.all(['aa', 'bb', 'cc', 'dddd', 'ee', 'ffffffffff', 'g'].map((item) => group.add(item)));
  await turn();
  for (let i = 0; i < 6; i++) await release();
  await done;
  assert.deepEqual(commits, [['aa', 'bb'], ['cc'], ['dddd'], ['ee'], ['ffffffffff'], ['g']]);
});

test('items of one key are in different commits, in their order; others pass them', async () => {
  const { group, commits, release, turn } = heldUp({ keyOf: (item) => item[0] });
  const done = Promise.all(['a1', 'a2', 'b1', 'a3', 'b2'].map((item) => group.add(item)));
  await turn();
  for (let i = 0; i < 3; i++) await release();
  await done;
  assert.deepEqual(commits, [['a1', 'b1'], ['a2', 'b2'], ['a3']]);
});
