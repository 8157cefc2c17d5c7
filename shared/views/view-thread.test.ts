import assert from 'node:assert/strict';
import { test } from 'vitest';
import { until } from '../../tests/until.ts';
import { readConfig } from '../process/config.ts';
import { createLogger } from '../process/log.ts';
import { ViewClient } from './view-thread.ts';

/** A view that the thread cannot open, and says so each time. */
function unopened() {
  let opened = 0;
  const module = new URL('no-such-module.ts', import.meta.url).href;
  const view = { name: 'nothing', folder: 'none', module, config: readConfig({}), instance: 'one' };
  const client = new ViewClient(
    view,
    ({ kind }) => void (kind === 'failed' && opened++),
    createLogger('test', 'silent'),
  );
  return { client, opened: () => opened, [Symbol.asyncDispose]: () => client.close() };
}

test('a view whose thread is lost again before it could be opened again is opened once', async () => {
  await using view = unopened();
  await using next = unopened();
  await until(() => view.opened() === 1 && next.opened() === 1, 'both to be opened');
  view.client.lose('once');
  view.client.lose('twice');
  next.client.lose('once');
  await until(() => next.opened() === 2, 'the one behind it to be opened again');
  assert.equal(view.opened(), 2);
});
