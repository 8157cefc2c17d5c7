/** What becomes of views when the thread that keeps them does not do its work. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLogger } from '../shared/log.ts';
import { View } from '../shared/view.ts';
import { startSystem, until } from './harness.ts';
import { openToyView } from './toy-view.ts';

test('a thread that ends is started again, and each of its views goes on where it was', async () => {
  await using system = await startSystem();
  const vote = (voterId: string) => system.publish('votes.hub.1', { voterId, liked: true });
  const folder = join(system.folder, 'other');
  await using view = openToyView(system, { rows: { crash: join(system.folder, 'crashed') } });
  await using other = openToyView(system, { folder });
  await vote('ann');
  await Promise.all([view.ready, other.ready]);
  const { lost } = view;
  await vote('crash');
  await Promise.all([lost, other.lost]);
  assert.throws(() => view.queries, { code: 'unavailable' });
  const last = await vote('bob');
  assert.deepEqual(await Promise.all([view, other].map((one) => one.waitFor('VOTES', last, 20_000))), [true, true]);
  for (const one of [view, other]) assert.deepEqual(one.queries.voters(), ['ann', 'crash', 'bob']);
  await until(() => view.caughtUp && other.caughtUp, 'both to have caught up');
});

test('without the module that writes the rows it is said why, and other views go on', async () => {
  await using system = await startSystem();
  await using other = openToyView(system);
  await using view = new View({
    name: 'nothing',
    folder: join(system.folder, 'views'),
    config: system.config(),
    log: createLogger('nothing', 'silent'),
    definition: { module: new URL('./no-such-module.ts', import.meta.url), open: () => ({ queries: {} }) },
  });
  await assert.rejects(view.opened, /no-such-module/);
  const sequence = await system.publish('votes.hub.1', { voterId: 'ann', liked: true });
  assert.equal(await other.waitFor('VOTES', sequence, 20_000), true);
});

test('a view that is closed while it is being opened leaves nothing that keeps a process', async () => {
  await using system = await startSystem();
  const view = openToyView(system);
  await view[Symbol.asyncDispose]();
  assert.throws(() => view.queries, { code: 'unavailable' });
  assert.equal(await view.waitFor('VOTES', 1, 10), false);
});
