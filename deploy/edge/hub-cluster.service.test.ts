/** A hub of three brokers, and an edge that knows all their addresses. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { test } from 'vitest';
import { applyStreams } from '../../streams/all.ts';
import { siteStates } from '../../streams/site-links.ts';
import { freePort } from '../../tests/chaos/member.ts';
import { temporaryFolder } from '../../tests/folder.ts';
import { until } from '../../tests/until.ts';
import { type Broker, startBroker } from '../broker.ts';
import { edgeLines, hubLines, seedVariable } from './broker-lines.ts';
import { newKey } from './register.ts';
import { begin } from './testing.ts';

const sites = ['hub', 'edge1'];

test('a cluster becomes a hub broker by broker, and stays linked to an edge when a broker is lost', async () => {
  using folder = temporaryFolder();
  await using stack = new AsyncDisposableStack();
  const { publicKey, seed } = newKey();
  const members: { port: number; leaf: number; route: number }[] = [];
  for (let i = 0; i < 3; i++) members.push({ port: await freePort(), leaf: await freePort(), route: await freePort() });
  const routes = members.map(({ route }) => `nats://127.0.0.1:${route}`);
  const brokers = new Map<number, Broker>();
  stack.defer(async () => {
    for (const broker of brokers.values()) await broker.kill();
  });
  const start = async (index: number, asHub: boolean): Promise<void> => {
    const { port, leaf, route } = members[index] as (typeof members)[number];
    const clustered = `cluster { name: marquee, listen: "127.0.0.1:${route}", routes: ${JSON.stringify(routes)} }\n`;
    const hub = { domain: 'hub', configuration: clustered + hubLines({ edge1: { publicKey } }, `127.0.0.1:${leaf}`) };
    const options = asHub ? hub : { configuration: clustered };
    brokers.set(index, await startBroker({ port, storeDir: join(folder.path, `${index}`), ...options }));
  };
  await Promise.all([0, 1, 2].map((index) => start(index, false)));
  const atHub = await connect({ servers: members.map(({ port }) => `127.0.0.1:${port}`), maxReconnectAttempts: -1 });
  stack.defer(() => atHub.close());
  const vote = (nc: NatsConnection, site: string, id: number) =>
    until(
      () =>
        jetstream(nc).publish(`votes.${site}.1`, '{"voterId":"ann","liked":true}', { msgID: `${id}`, timeout: 1000 }),
      `a vote at ${site}`,
    );
  const current = (wanted: { streamReplicas: number; site: string; sites: string[] }) =>
    until(() => applyStreams(atHub, wanted), 'streams that can be applied');
  await current({ streamReplicas: 3, site: 'hub', sites: ['hub'] });
  await vote(atHub, 'hub', 1);
  const jsm = await jetstreamManager(atHub);
  // A request to a broker that exits is never answered, so it needs a short timeout.
  const impatientJsm = await jetstreamManager(atHub, { checkAPI: false, timeout: 1000 });
  const replicated = (stream: string) =>
    until(async () => {
      const { cluster } = await impatientJsm.streams.info(stream);
      return cluster?.leader && cluster.replicas?.filter((replica) => replica.current).length === 2;
    }, `three copies of ${stream}`);
  for (const index of [2, 1, 0]) {
    await replicated('VOTES');
    await brokers.get(index)?.[Symbol.asyncDispose]();
    await start(index, true);
  }
  await replicated('VOTES');

  const urls = members.map(({ leaf }) => `nats-leaf://127.0.0.1:${leaf}`).join();
  const edge = stack.use(
    await startBroker({
      port: 0,
      storeDir: join(folder.path, 'edge1'),
      domain: 'edge1',
      configuration: edgeLines({ hub: urls }),
      variables: { [seedVariable]: seed },
    }),
  );
  const atEdge = await connect({ servers: edge.url });
  stack.defer(() => atEdge.close());
  const config = { streamReplicas: 1, site: 'edge1', sites };
  await begin({ nc: atEdge, config });
  await applyStreams(atEdge, config);
  await current({ streamReplicas: 3, site: 'hub', sites });
  const same = () =>
    until(async () => {
      const { answers, copies } = await siteStates(atEdge, { site: 'edge1', sites });
      assert.deepEqual(answers, { hub: true });
      const behind = copies.filter(({ homeSequence, copySequence }) => homeSequence !== copySequence);
      assert.deepEqual(behind, []);
      return copies.length > 0;
    }, 'both sites to have the same');
  const { num_replicas: replicas } = (await jsm.streams.info('VOTES_edge1')).config;
  assert.equal(replicas, 3);
  await vote(atEdge, 'edge1', 1);
  await same();

  const response = await fetch(`${edge.monitoringUrl}/leafz`);
  const { leafs } = (await response.json()) as { leafs: { port: number }[] };
  const linked = members.findIndex(({ leaf }) => leaf === leafs[0]?.port);
  assert.ok(linked >= 0, 'the broker that the edge is linked to');
  await brokers.get(linked)?.kill();
  await vote(atEdge, 'edge1', 2);
  await vote(atHub, 'hub', 2);
  await same();
  assert.deepEqual(
    await Promise.all(['VOTES', 'VOTES_edge1'].map(async (name) => (await jsm.streams.info(name)).state.last_seq)),
    [2, 2],
  );
});
