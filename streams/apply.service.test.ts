import assert from 'node:assert/strict';
import { AckPolicy, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { test } from 'vitest';
import { startBroker } from '../deploy/broker.ts';
import { streamIdentity } from '../shared/broker/stream-identity.ts';
import { probeSubject } from '../shared/broker/write-health.ts';
import { temporaryFolder } from '../tests/folder.ts';
import { startSystem } from '../tests/harness.ts';
import { applyStreams, streams } from './apply.ts';

test('creates streams once, and restores a changed configuration without losing messages', async () => {
  await using system = await startSystem({ streams: false });
  const { nc } = (await system.connection.first) as { nc: Parameters<typeof applyStreams>[0] };
  const created = await applyStreams(nc, { streamReplicas: 1 });
  assert.deepEqual(new Set(Object.values(created)), new Set(['created']));
  for (const name of ['CATALOGUE', 'VOTES', 'LIBRARY', 'SUPPORT', 'DEADLETTERS']) assert.ok(name in created, name);
  const unchanged = await applyStreams(nc, { streamReplicas: 1 });
  assert.deepEqual(new Set(Object.values(unchanged)), new Set(['unchanged']));

  for (const { name } of streams) assert.equal(await system.publish(probeSubject(name), ''), 1, 'each takes a probe');

  await system.publish('catalogue.hub.movie.1', { title: 'Alien' });
  const jsm = await system.streams();
  const { config } = await jsm.streams.info('CATALOGUE');
  await jsm.streams.update('CATALOGUE', { ...config, description: 'changed by hand', duplicate_window: 5_000_000_000 });
  const repaired = await applyStreams(nc, { streamReplicas: 1 });
  assert.deepEqual(repaired, { ...unchanged, CATALOGUE: 'updated' });
  const { config: now, state } = await jsm.streams.info('CATALOGUE');
  assert.deepEqual({ ...now, metadata: config.metadata }, config);
  assert.equal(state.messages, 2);
});

test('CATALOGUE takes events of its own site only, and keeps those of a site with another name before', async () => {
  await using system = await startSystem();
  const { nc } = await system.connection.first;
  const jsm = await system.streams();
  await system.publish('catalogue.hub.movie.1', { title: 'Alien' });
  await assert.rejects(system.publish('catalogue.cinema.movie.1', { title: 'Aliens' }));
  await applyStreams(nc, { streamReplicas: 1, site: 'cinema' });
  await system.publish('catalogue.cinema.movie.1', { title: 'Aliens' });
  await assert.rejects(system.publish('catalogue.hub.movie.1', { title: 'Alien again' }));
  assert.equal((await jsm.streams.info('CATALOGUE')).state.messages, 2);
});

test('names STREAM_REPLICAS when the broker is in no cluster', async () => {
  await using system = await startSystem({ streams: false });
  const { nc } = await system.connection.first;
  await assert.rejects(applyStreams(nc, { streamReplicas: 3 }), /^Error: STREAM_REPLICAS=3 needs a cluster/);
  await applyStreams(nc, { streamReplicas: 1 });
  await assert.rejects(applyStreams(nc, { streamReplicas: 3 }), /^Error: STREAM_REPLICAS=3 needs a cluster/);
});

test('keeps the last four events of a movie, also in a stream that kept only one before', async () => {
  await using system = await startSystem();
  const jsm = await system.streams();
  const { config } = await jsm.streams.info('CATALOGUE');
  await jsm.streams.update('CATALOGUE', { ...config, max_msgs_per_subject: 1 });
  await system.publish('catalogue.hub.movie.1', { title: 'Zero' });
  const applied = await applyStreams(system.link.nc, { streamReplicas: 1 });
  assert.equal(applied.CATALOGUE, 'updated');
  for (const title of ['One', 'Two', 'Three', 'Four']) await system.publish('catalogue.hub.movie.1', { title });
  await system.publish('catalogue.hub.movie.2', { title: 'Other' });
  const { state } = await jsm.streams.info('CATALOGUE');
  assert.deepEqual([state.messages, state.last_seq], [5, 6]);
});

test('updates the limits of a stream that has a consumer without them', async () => {
  await using system = await startSystem();
  const jsm = await system.streams();
  const { config } = await jsm.streams.info('SUPPORT');
  await jsm.streams.update('SUPPORT', { ...config, consumer_limits: {} });
  await jsm.consumers.add('SUPPORT', { durable_name: 'older', ack_policy: AckPolicy.Explicit, max_ack_pending: 5000 });
  assert.equal((await applyStreams(system.link.nc, { streamReplicas: 1 })).SUPPORT, 'updated');
  const { config: now } = await jsm.streams.info('SUPPORT');
  assert.deepEqual({ ...now, metadata: config.metadata }, config);
});

test('a stream keeps its identity when it is updated at every start of the broker', async () => {
  using folder = temporaryFolder();
  const found: string[][] = [];
  for (let starts = 0; starts < 4; starts++) {
    await using broker = await startBroker({ port: 0, storeDir: folder.path, domain: 'hub' });
    const nc = await connect({ servers: broker.url });
    try {
      // This records each start in the metadata of the streams.
      await applyStreams(nc, { streamReplicas: 1, site: 'hub', sites: ['hub', 'edge1'] });
      const jsm = await jetstreamManager(nc);
      found.push(
        await Promise.all(['VOTES', 'CATALOGUE'].map(async (name) => streamIdentity(await jsm.streams.info(name)))),
      );
    } finally {
      await nc.close();
    }
  }
  for (const identities of found) assert.deepEqual(identities, found[0]);
});
