import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'vitest';
import { startHost } from './host.ts';
import { readConfig } from './process/config.ts';

test('disposes what it has started when the port is taken', async () => {
  await using other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const disposed: string[] = [];
  const part = { [Symbol.asyncDispose]: async () => void disposed.push('part') };
  const documents = { title: 'Marquee', description: '', services: [] };
  const starting = startHost(readConfig({ NATS_PORT: '1', LOG_LEVEL: 'silent' }), { name: 'movies', port }, () => ({
    ...{ routes: [], documents },
    onBroker: Promise.resolve([part]),
    ready: Promise.resolve(),
  }));
  await assert.rejects(starting, /is in use by another program/);
  assert.deepEqual(disposed, ['part']);
});
