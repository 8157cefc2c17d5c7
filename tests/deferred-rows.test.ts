/** Rows of a view that follow later: whoever reads them has them written. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { startSystem, until } from './harness.ts';
import { openToyView } from './toy-view.ts';

/** A toy view whose voter follows later. `tell` says what happens when she is to be written. */
async function openDeferred() {
  const system = await startSystem();
  const file = join(system.folder, 'deferred');
  const tell = (what: string): void => writeFileSync(file, what);
  tell('');
  const view = openToyView(system, { rows: { deferred: file } });
  await view.ready;
  const last = await system.publish('votes.hub.1', { voterId: 'ann', liked: true });
  assert.equal(await view.waitFor('VOTES', last, 20_000), true);
  return {
    system,
    view,
    tell,
    reopen: () => openToyView(system),
    async [Symbol.asyncDispose]() {
      await view[Symbol.asyncDispose]();
      await system[Symbol.asyncDispose]();
    },
  };
}

const soon = (): number => Date.now() + 10_000;

test('who reads rows that are to follow waits until they are there', async () => {
  await using toy = await openDeferred();
  const { view } = toy;
  assert.deepEqual([view.deferred, view.queries.voters()], [true, []]);
  await Promise.all([view.whole(soon()), view.whole(soon())]);
  assert.deepEqual([view.deferred, view.queries.voters()], [false, ['ann']]);
  await view.whole(0);
});

test('rows follow, and can be waited for, while the broker is away', async () => {
  await using toy = await openDeferred();
  await toy.system.killBroker();
  await toy.view.whole(soon());
  assert.deepEqual(toy.view.queries.voters(), ['ann']);
});

test('rows that nobody reads follow by themselves', async () => {
  await using toy = await openDeferred();
  await until(() => !toy.view.deferred, 'them to be written');
  assert.deepEqual(toy.view.queries.voters(), ['ann']);
});

test('rows that cannot be written are said to be unavailable, and follow when they can', async () => {
  await using toy = await openDeferred();
  toy.tell('fail');
  await assert.rejects(toy.view.whole(soon()), { code: 'unavailable' });
  await assert.rejects(toy.view.whole(soon()), { code: 'unavailable' });
  toy.tell('');
  await toy.view.whole(soon());
  assert.deepEqual(toy.view.queries.voters(), ['ann']);
});

test('a reader is not kept waiting beyond its deadline', async () => {
  await using toy = await openDeferred();
  toy.tell('slow');
  await assert.rejects(toy.view.whole(Date.now()), { code: 'unavailable' });
  await toy.view.whole(soon());
  assert.deepEqual(toy.view.queries.voters(), ['ann']);
});

test('rows are written before their file is closed', async () => {
  await using toy = await openDeferred();
  await toy.view[Symbol.asyncDispose]();
  await using again = toy.reopen();
  await again.ready;
  assert.deepEqual(again.queries.voters(), ['ann']);
});

test('whoever waits hears of it when the thread ends', async () => {
  await using toy = await openDeferred();
  toy.tell('end');
  await assert.rejects(toy.view.whole(soon()), { code: 'unavailable' });
});
