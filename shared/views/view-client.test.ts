import assert from 'node:assert/strict';
import { test } from 'vitest';
import { until } from '../../tests/until.ts';
import { readConfig } from '../process/config.ts';
import { createLogger } from '../process/log.ts';
import { ViewClient } from './view-client.ts';

/** Opens a view that always fails to open, and counts the attempts. */
function failingView() {
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

test('a view is reopened only once when its thread ends again before the retry', async () => {
  await using view = failingView();
  await using next = failingView();
  await until(() => view.opened() === 1 && next.opened() === 1, 'both to be opened');
  view.client.threadEnded('once');
  view.client.threadEnded('twice');
  next.client.threadEnded('once');
  await until(() => next.opened() === 2, 'the second view to be reopened');
  assert.equal(view.opened(), 2);
});
