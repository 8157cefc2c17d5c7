/** A request for a page whose turn comes too late. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Connection } from '../../shared/broker/connection.ts';
import { startTelemetry } from '../../shared/observe/telemetry.ts';
import { createIdentity } from '../../shared/operations/identity.ts';
import { readConfig } from '../../shared/process/config.ts';
import { createLogger } from '../../shared/process/log.ts';
import { temporaryFolder } from '../../tests/folder.ts';
import { createPages } from './pages.ts';

test('whose time is up before it is looked at is told so, and is no fault of ours', async () => {
  using folder = temporaryFolder();
  const config = { ...readConfig({ DATA_DIR: folder.path }), requestTimeoutMs: -1 };
  const log = createLogger('test', 'silent');
  await using stack = new AsyncDisposableStack();
  const notAsked = () => Promise.reject(new Error('nobody is asked'));
  const pages = createPages({
    ask: notAsked,
    api: notAsked,
    identity: createIdentity(config, log),
    config,
    telemetry: stack.use(await startTelemetry('web', config, log)),
    log,
    connection: {} as Connection,
    stack,
    services: [],
  });
  const { status, headers } = await pages.request('/help', { headers: { accept: 'text/html' } });
  assert.deepEqual([status, headers.get('retry-after')], [503, '1']);
});
