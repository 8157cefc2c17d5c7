/** A hub with users and an edge: all programs can work without being refused anything. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { jetstream, type StreamInfo } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { test } from 'vitest';
import { services } from '../../services/index.ts';
import { Connection } from '../../shared/broker/connection.ts';
import { StreamReader } from '../../shared/broker/stream-reader.ts';
import { portVariable, readConfig } from '../../shared/process/config.ts';
import { createLogger } from '../../shared/process/log.ts';
import { applyStreams } from '../../streams/all.ts';
import { freePort } from '../../tests/chaos/member.ts';
import { get, post, temporaryFolder, until } from '../../tests/harness.ts';
import { startBroker } from '../broker.ts';
import { startSecuredBroker } from '../nats/secured-broker.ts';
import { edgeLines, seedVariable } from './broker-lines.ts';
import { hubConfiguration } from './hub-configuration.ts';
import { newKey } from './register.ts';
import { begin } from './testing.ts';

test('services of a hub with users read the events of edges, and the gateway monitors the link', async () => {
  using folder = temporaryFolder();
  await using stack = new AsyncDisposableStack();
  const { publicKey, seed } = newKey();
  const leafPort = await freePort();
  const hub = stack.use(
    await startSecuredBroker(join(folder.path, 'hub'), (users) =>
      hubConfiguration({ edge1: { publicKey } }, users).replace('0.0.0.0:7422', `127.0.0.1:${leafPort}`),
    ),
  );
  const edge = stack.use(
    await startBroker({
      port: 0,
      storeDir: join(folder.path, 'edge1'),
      domain: 'edge1',
      configuration: edgeLines({ hub: `nats-leaf://127.0.0.1:${leafPort}` }),
      variables: { [seedVariable]: seed },
    }),
  );
  const configFor = (user: string) => {
    const ports = Object.fromEntries(services.map(({ name }) => [portVariable(name), '0']));
    const env = { ...ports, NATS_URL: hub.url, NATS_NKEY_SEED: hub.seedOf(user), LOG_LEVEL: 'silent' };
    return readConfig({ ...env, SITES: 'hub,edge1', DATA_DIR: join(folder.path, user) });
  };
  const nc = await connect({ servers: edge.url });
  stack.defer(() => nc.close());
  const config = { site: 'edge1', sites: ['hub', 'edge1'], streamReplicas: 1 };
  await begin({ nc, config });
  {
    await using connection = new Connection(configFor('streams'), 'streams', createLogger('streams', 'silent'));
    await applyStreams((await connection.first).nc, configFor('streams'));
  }
  await applyStreams(nc, config);
  const urls: Record<string, string> = {};
  for (const { name, load } of services) {
    const running = stack.use(await (await load())(configFor(name)));
    await running.ready;
    urls[name] = running.url;
  }
  const { gateway } = urls;
  assert.equal((await post(`${gateway}/movies`, { movieId: 1, title: 'Alien', genres: ['Horror'] })).status, 201);
  await jetstream(nc).publish('votes.edge1.1', '{"voterId":"ann","liked":true}');
  await jetstream(nc).publish('support.edge1.t1.opened', '{"userId":"ann","message":"Help"}');
  await until(async () => (await post(`${gateway}/votes/1/like`, { voterId: 'bob' })).body.likes === 2, 'both likes');
  await until(
    async () => (await get<{ items: object[] }>(`${gateway}/support/ann`)).body.items.length === 1,
    'the ticket',
  );
  const { body } = await get<{ sites: { answers: object; copies: object[] } }>(`${gateway}/readyz`);
  assert.deepEqual(body.sites.answers, { edge1: true });
  for (const copy of body.sites.copies)
    assert.ok(
      Object.values(copy).every((value) => value !== null),
      'the gateway can read all copies',
    );
  // Catalogue commands of an edge are executed by movies at the hub.
  const passed = { subject: 'movies.add', input: { movieId: 2, title: 'Heat', genres: [] }, token: null, user: null };
  const request = JSON.stringify({ ...passed, traceparent: null, timeoutMs: 10_000 });
  const reply = await nc.request('to.hub.edge1.catalogue', request, {
    noMux: true,
    reply: 'to.edge1.reply.x',
    timeout: 20_000,
  });
  assert.equal(reply.json<{ status: number }>().status, 201);
  assert.doesNotMatch(hub.log(), /Permissions Violation/i);
});

test('a single-site system becomes a hub while its services run', async () => {
  using folder = temporaryFolder();
  const { publicKey } = newKey();
  await using hub = await startSecuredBroker(folder.path, (users) =>
    hubConfiguration({ edge1: { publicKey } }, users).replace('0.0.0.0:7422', '127.0.0.1:-1'),
  );
  const connectAs = (user: string): Connection => {
    const config = readConfig({ NATS_URL: hub.url, NATS_NKEY_SEED: hub.seedOf(user), LOG_LEVEL: 'silent' });
    return new Connection(config, user, createLogger(user, 'silent'));
  };
  await using connection = connectAs('streams');
  await using ranking = connectAs('ranking');
  const { nc } = await connection.first;
  await applyStreams(nc, { streamReplicas: 1 });
  const taken: number[] = [];
  const target = {
    position: ({ created }: StreamInfo) => ({ sequence: taken.length, created }),
    apply: (messages: { sequence: number }[]) => void taken.push(...messages.map(({ sequence }) => sequence)),
    caughtUp() {},
    replaced: (reason: string) => assert.fail(reason),
  };
  const { log } = ranking;
  await using _ = new StreamReader({ stream: 'VOTES', filter: 'votes.>', connection: ranking, log, target });
  const { js } = await ranking.first;
  await js.publish('votes.hub.1', '{"voterId":"ann","liked":true}');
  await until(() => taken.length === 1, 'the first vote');
  const applied = await applyStreams(nc, { site: 'hub', sites: ['hub', 'edge1'], streamReplicas: 1 });
  assert.deepEqual([applied.VOTES, applied.VOTES_edge1], ['updated', 'created']);
  await js.publish('votes.hub.1', '{"voterId":"bob","liked":true}');
  await until(() => taken.length === 2, 'the second');
  assert.doesNotMatch(hub.log(), /Permissions Violation/i);
});
