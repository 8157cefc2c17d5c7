import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { jetstream, jetstreamManager, StorageType } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { test } from 'vitest';
import { temporaryFolder } from '../tests/folder.ts';
import { startBroker } from './broker.ts';

async function withConnection<T>(
  url: string,
  work: (nc: Awaited<ReturnType<typeof connect>>) => Promise<T>,
): Promise<T> {
  const nc = await connect({ servers: url });
  try {
    return await work(nc);
  } finally {
    await nc.close();
  }
}

test('acknowledged messages survive kill -9 and a restart on the same files and port', async () => {
  using folder = temporaryFolder();
  const first = await startBroker({ port: 0, storeDir: folder.path });
  await withConnection(first.url, async (nc) => {
    await (await jetstreamManager(nc)).streams.add({ name: 'S', subjects: ['s.>'], storage: StorageType.File });
    await Promise.all(Array.from({ length: 100 }, (_, i) => jetstream(nc).publish(`s.${i}`, 'x')));
  });
  await first.kill();
  const port = Number(new URL(first.url).port);
  await using second = await startBroker({ port, storeDir: folder.path });
  assert.equal(second.url, first.url);
  const { state } = await withConnection(second.url, async (nc) => (await jetstreamManager(nc)).streams.info('S'));
  assert.equal(state.messages, 100);
});

test('refuses to start a second broker on the same files', async () => {
  using folder = temporaryFolder();
  await using first = await startBroker({ port: 0, storeDir: folder.path });
  const message = `Marquee is already running with its files in ${folder.path}: process ${process.pid}. To stop it: kill ${process.pid}`;
  await assert.rejects(startBroker({ port: 0, storeDir: folder.path }), { message });
  await withConnection(first.url, (nc) => nc.flush());
});

test('names a leftover broker that cannot be stopped, with the command to stop it', async () => {
  using folder = temporaryFolder();
  const first = await startBroker({ port: 0, storeDir: folder.path });
  const ports = join(folder.path, 'ports');
  const [file = ''] = readdirSync(ports);
  const written = readFileSync(join(ports, file));
  await first[Symbol.asyncDispose]();
  // This server answers with that broker's name, and the process id in the ports file does not exist.
  const name = /server_name: (\S+)/.exec(readFileSync(join(folder.path, 'nats-server.conf'), 'utf8'))?.[1];
  const { port } = new URL(first.url);
  const left = createServer((socket) => socket.end(`INFO {"server_name":"${name}"}\r\n`));
  await new Promise<void>((resolve) => left.listen(Number(port), '127.0.0.1', resolve));
  const missingPid = 2 ** 30;
  writeFileSync(join(ports, `nats-server_${missingPid}.ports`), written);
  try {
    const said = new RegExp(
      `files in ${folder.path}: process ${missingPid}, at ${first.url}\\. .*To stop it: kill -9 ${missingPid}$`,
    );
    await assert.rejects(startBroker({ port: 0, storeDir: folder.path }), said);
  } finally {
    await new Promise((resolve) => left.close(resolve));
  }
});

test('leaves another program alone that uses the port of an earlier broker', async () => {
  using folder = temporaryFolder();
  const first = await startBroker({ port: 0, storeDir: folder.path });
  const port = Number(new URL(first.url).port);
  await first.kill();
  // Another server now listens on the port of the killed broker, and answers like a broker.
  const stranger = createServer((socket) => socket.end('INFO {"server_name":"somebody-else"}\r\n'));
  await new Promise<void>((resolve) => stranger.listen(port, '127.0.0.1', resolve));
  const ports = join(folder.path, 'ports', `nats-server_${process.pid}.ports`);
  writeFileSync(ports, JSON.stringify({ nats: [`nats://127.0.0.1:${port}`] }));
  try {
    await using second = await startBroker({ port: 0, storeDir: folder.path });
    assert.notEqual(new URL(second.url).port, String(port));
    assert.equal(readdirSync(join(folder.path, 'ports')).length, 1);
  } finally {
    await new Promise((resolve) => stranger.close(resolve));
  }
});

test("reports a port in use with the broker's own message", async () => {
  using folder = temporaryFolder();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  try {
    await assert.rejects(startBroker({ port, storeDir: folder.path }), /did not start:\n.*address already in use/s);
  } finally {
    await new Promise((resolve) => other.close(resolve));
  }
});

test('disconnects a slow reader only when hundreds of long lists are pending', async () => {
  using folder = temporaryFolder();
  await using broker = await startBroker({ port: 0, storeDir: folder.path });
  const limits = (await (await fetch(`${broker.monitoringUrl}/varz`)).json()) as { max_pending: number };
  // 478 films are 261 kB; half of the lists may be asked for again meanwhile.
  assert.ok(limits.max_pending > 300 * 1.5 * 261_000);
});
