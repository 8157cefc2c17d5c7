import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Gathering, JoinedInput } from './gathering.ts';

function gathering(): { sent: string[][]; add(items: string): void } {
  const sent: string[][] = [];
  const all = new Gathering<string>(
    (item) => item.length,
    (items) => sent.push(items),
  );
  return {
    sent,
    add(items) {
      for (const item of items.split(' ')) all.add(item);
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
