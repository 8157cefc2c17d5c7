import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'vitest';
import { JoinedInput, RequestBurst } from './burst.ts';

function gathering() {
  const sent: string[][] = [];
  const all = new RequestBurst<string>(
    (item) => item.length,
    (items) => sent.push(items),
  );
  return {
    all,
    sent,
    sizes: () => sent.map(({ length }) => length),
    add(items: string) {
      for (const item of items.split(' ')) all.add(item);
    },
    addSome(count: number) {
      for (let n = 0; n < count; n++) all.add('i');
    },
  };
}

test('a few items go at the end of their turn of the event loop', async () => {
  const { sent, add } = gathering();
  add('a b c');
  assert.deepEqual(sent, []);
  await turn();
  assert.deepEqual(sent, [['a', 'b', 'c']]);
  add('d');
  await turn();
  assert.deepEqual(sent.slice(1), [['d']]);
});

test('a crowd takes those of the next turn along, and nobody waits for longer', async () => {
  const { sent, add } = gathering();
  add('a b c d');
  await turn();
  assert.deepEqual(sent, []);
  add('e f g h');
  await turn();
  assert.deepEqual(sent, [['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']]);
  add('i');
  await turn();
  assert.deepEqual(sent.slice(1), [['i']]);
});

test('items count for the requests that they stand for', async () => {
  const { sent, add } = gathering();
  add('four');
  await turn();
  assert.deepEqual(sent, []);
  await turn();
  assert.deepEqual(sent, [['four']]);
});

test('the first part of a large crowd goes at once while nothing is under way, and the rest of it together', async () => {
  const { all, sizes, addSome } = gathering();
  addSome(31);
  assert.deepEqual(sizes(), []);
  addSome(1);
  assert.deepEqual(sizes(), [32]);
  all.began(32);
  addSome(68);
  await turn();
  addSome(1);
  assert.deepEqual(sizes(), [32]);
  await turn();
  assert.deepEqual(sizes(), [32, 69]);
});

test('a part is a third of the crowd that there was of late', async () => {
  const { all, sizes, addSome } = gathering();
  all.began(100);
  addSome(200);
  await turn();
  await turn();
  assert.deepEqual(sizes(), [200]);
  all.ended(100);
  addSome(99);
  assert.deepEqual(sizes(), [200]);
  addSome(1);
  assert.deepEqual(sizes(), [200, 100], 'of 300 together');
  for (let n = 0; n < 100; n++) {
    addSome(1);
    await turn();
  }
  const before = sizes().length;
  addSome(32);
  assert.deepEqual(sizes().slice(before), [32], 'a crowd of before is forgotten');
});

test('an input has all that joined until it was taken', () => {
  const ids: number[] = [];
  const input = new JoinedInput(
    () => ids.length,
    () => ({ ids: [...ids] }),
  );
  ids.push(1, 2);
  assert.equal(input.size, 2);
  assert.deepEqual(input.take(), { ids: [1, 2] });
});
