import assert from 'node:assert/strict';
import { jetstream, jetstreamManager, StorageType } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { test } from 'vitest';
import { temporaryFolder } from '../tests/folder.ts';
import { until } from '../tests/until.ts';
import { keepBroker } from './kept-broker.ts';

test('restarts a killed broker at the same address with its acknowledged messages', async () => {
  using folder = temporaryFolder();
  const lines: string[] = [];
  await using broker = await keepBroker({ port: 0, storeDir: folder.path, log: (line) => lines.push(line) });
  const nc = await connect({ servers: broker.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  try {
    await (await jetstreamManager(nc)).streams.add({ name: 'S', subjects: ['s'], storage: StorageType.File });
    await jetstream(nc).publish('s', 'x');
    const { pid } = broker;
    process.kill(pid, 'SIGKILL');
    await until(() => broker.pid !== pid, 'another broker');
    await until(async () => {
      // A request made before the reconnect is never answered.
      const manager = await jetstreamManager(nc, { timeout: 500 });
      return (await manager.streams.info('S')).state.messages === 1;
    }, 'its message');
    assert.deepEqual(lines, ['the broker exited with SIGKILL: restarting it']);
  } finally {
    await nc.close();
  }
});

test('gives up with the reason on a broker that keeps exiting', async () => {
  using folder = temporaryFolder();
  await using broker = await keepBroker({ port: 0, storeDir: folder.path });
  const lost = broker.lost.catch((error: Error) => error.message);
  for (let kills = 0; kills < 6; kills++) {
    const { pid } = broker;
    process.kill(pid, 'SIGKILL');
    await Promise.race([lost, until(() => broker.pid !== pid, 'another broker')]);
  }
  assert.match(await lost, /exited 6 times within a minute, the last time with SIGKILL/);
});
