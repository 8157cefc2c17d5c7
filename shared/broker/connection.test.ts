import assert from 'node:assert/strict';
import { test } from 'vitest';
import { readConfig } from '../process/config.ts';
import { createLogger } from '../process/log.ts';
import { Connection } from './connection.ts';

test('an unreachable broker is named by its address, without the user and password', async () => {
  const config = readConfig({ NATS_URL: 'nats://ann:secret@127.0.0.1:1,nats://bob@127.0.0.1:2' });
  await using connection = new Connection(config, 'test', createLogger('test', 'silent'));
  await assert.rejects(connection.within(200), /no broker answers at nats:\/\/127\.0\.0\.1:1,nats:\/\/127\.0\.0\.1:2:/);
});
