/** The permanent loss of one broker of a cluster of three, and of what only that broker had. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { jetstream, jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { test } from 'vitest';
import { type Broker, startBroker } from '../../deploy/broker.ts';
import { freePort } from '../../tests/chaos/member.ts';
import { temporaryFolder } from '../../tests/folder.ts';
import { until } from '../../tests/until.ts';
import { readConfig } from '../process/config.ts';
import { createLogger } from '../process/log.ts';
import { Connection } from './connection.ts';
import type { StoredMessage } from './event-codec.ts';
import { StreamReader } from './stream-reader.ts';

const options = { timeout: 1000 };

test('goes on reading a stream when the broker with the consumer is lost', async () => {
  using folder = temporaryFolder();
  await using stack = new AsyncDisposableStack();
  const members = await Promise.all([0, 1, 2].map(async () => ({ port: await freePort(), route: await freePort() })));
  const routes = JSON.stringify(members.map(({ route }) => `nats://127.0.0.1:${route}`));
  const start = async ({ port, route }: (typeof members)[number]): Promise<Broker> => {
    const configuration = `cluster { name: marquee, listen: "127.0.0.1:${route}", routes: ${routes} }\n`;
    return stack.use(await startBroker({ port, storeDir: join(folder.path, `${port}`), configuration }));
  };
  const brokers = await Promise.all(members.map(start));
  const url = members.map(({ port }) => `127.0.0.1:${port}`).join();
  const nc = await connect({ servers: url.split(','), maxReconnectAttempts: -1 });
  stack.defer(() => nc.close());
  // Requests before a leader is elected are never answered.
  const jsm = await until(() => jetstreamManager(nc, options), 'a cluster');
  await until(() => jsm.streams.add({ name: 'VOTES', subjects: ['votes.>'], num_replicas: 3 }), 'a stream');
  const vote = (id: number) =>
    until(() => jetstream(nc).publish('votes.1', '', { msgID: `${id}`, ...options }), 'a vote');
  await vote(1);

  const log = createLogger('test', 'silent');
  const read = async () => {
    const connection = stack.use(new Connection(readConfig({ NATS_URL: url }), 'test', log));
    const taken: number[] = [];
    const target = {
      position: ({ created }: StreamInfo) => ({ sequence: taken.length, created }),
      apply: (messages: StoredMessage[]) => void taken.push(...messages.map(({ sequence }) => sequence)),
      caughtUp() {},
      replaced: (reason: string) => assert.fail(reason),
    };
    stack.use(new StreamReader({ stream: 'VOTES', filter: 'votes.>', connection, log, target }));
    await until(() => taken.length === 1, 'the first vote');
    return taken;
  };
  const readers = await Promise.all([read(), read(), read(), read()]);
  const consumers = await jsm.consumers.list('VOTES').next();
  const lost = consumers.map(({ cluster }) => cluster?.leader)[0];
  const names = await Promise.all(
    brokers.map(
      async ({ monitoringUrl }) =>
        ((await (await fetch(`${monitoringUrl}/varz`)).json()) as { server_name: string }).server_name,
    ),
  );
  await brokers[names.indexOf(lost as string)]?.kill();
  await vote(2);
  for (const taken of readers) await until(() => taken.length === 2, 'the second vote');
});
