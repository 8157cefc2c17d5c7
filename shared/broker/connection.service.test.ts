/** What the log says about a connection to a broker that comes and goes. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'vitest';
import { startBroker } from '../../deploy/broker.ts';
import { freePort } from '../../tests/chaos/member.ts';
import { temporaryFolder } from '../../tests/folder.ts';
import { until } from '../../tests/until.ts';
import { readConfig } from '../process/config.ts';
import { createLogger } from '../process/log.ts';
import { Connection } from './connection.ts';

test('with tls:// refuses a broker without TLS', async () => {
  using folder = temporaryFolder();
  await using broker = await startBroker({ port: 0, storeDir: join(folder.path, 'nats') });
  const lines: string[] = [];
  const log = createLogger('test', 'warn', { write: (line) => void lines.push(line) });
  const NATS_URL = broker.url.replace('nats:', 'tls:');
  await using connection = new Connection(readConfig({ NATS_URL }), 'test', log);
  await until(() => connection.connected || lines.length > 0, 'an attempt');
  assert.deepEqual([connection.connected, lines.join().includes("server does not support 'tls'")], [false, true]);
});

test('says at the same level that the broker is away and that it is back', async () => {
  using folder = temporaryFolder();
  const port = await freePort();
  const lines: string[] = [];
  const log = createLogger('test', 'warn', { write: (line) => void lines.push(line) });
  const logged = (text: string) => until(() => lines.some((line) => line.includes(text)), text);
  await using stack = new AsyncDisposableStack();
  await using _ = new Connection(readConfig({ NATS_PORT: `${port}` }), 'test', log);
  await logged('the broker cannot be reached, retrying');
  const start = async () => stack.use(await startBroker({ port, storeDir: join(folder.path, 'nats') }));
  const broker = await start();
  await logged('the broker was reached');
  await broker.kill();
  await logged('the connection to the broker was lost');
  await start();
  await logged('the connection to the broker was restored');
});
