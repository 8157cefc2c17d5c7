/** Actions that the broker refuses to every user, and how a service reports a refusal. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { AckPolicy, jetstreamManager } from '@nats-io/jetstream';
import { nkeys } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { backingServices, serviceNamed, services } from '../../services/index.ts';
import { archiveKind } from '../../shared/broker/archive.ts';
import { Connection } from '../../shared/broker/connection.ts';
import { consumerLimits } from '../../shared/broker/consumers.ts';
import { bucketOf, bucketStream, claimSubject } from '../../shared/broker/snapshot-bucket.ts';
import { filterOf } from '../../shared/operations/event.ts';
import { readConfig } from '../../shared/process/config.ts';
import { createLogger } from '../../shared/process/log.ts';
import { derived, streams } from '../../streams/all.ts';
import { get, temporaryFolder, until } from '../../tests/harness.ts';
import { readingsOf } from './permissions.ts';
import { SecuredUsers, subjectOfExample } from './secured-users.ts';
import { userNames } from './user-names.ts';

/** A subject of each event that a service publishes, by service. */
const events: Record<string, string[]> = Object.fromEntries(
  services.map(({ name, events: own, publishes = own }) => [name, publishes.map(subjectOfExample)]),
);
const longestIdle = consumerLimits.inactive_threshold;
const everyone = userNames.filter((name) => name !== 'operator');
const durables = services.flatMap(({ name, workers = [] }) => workers.map((worker) => ({ owner: name, ...worker })));

describe('on a broker with users', () => {
  let users: SecuredUsers;
  beforeAll(async () => {
    users = await SecuredUsers.start();
  });
  afterAll(() => users[Symbol.asyncDispose]());

  for (const user of everyone) {
    test(`${user} cannot subscribe to subjects of others`, async () => {
      await using client = await users.connect(user);
      const other = user === 'movies' ? 'ranking' : 'movies';
      const refused = [`_INBOX.${other}.>`, '_INBOX.>', '>', `${other}.>`, 'votes.>', 'library.>', '$JS.API.>'];
      for (const subject of refused) client.nc.subscribe(subject);
      // Requests to its own service are only readable in its queue group.
      client.nc.subscribe(`${user}.>`);
      await client.nc.flush();
      await until(() => client.refused.length === refused.length + 1, `${client.refused.length} refusals of ${user}`);
      if (backingServices.some(({ name }) => name === user)) {
        client.nc.subscribe(`${user}.get`, { queue: user });
        await client.nc.flush();
        assert.equal(client.refused.length, refused.length + 1);
      }
    });

    test(`${user} cannot publish another's events`, async () => {
      const ofOthers = Object.entries(events).flatMap(([owner, subjects]) => (owner === user ? [] : subjects));
      const inbox = `_INBOX.${user === 'movies' ? 'ranking' : 'movies'}.x`;
      await users.assertRefused(user, [...ofOthers, 'deadletters.VOTES.somebody.x-1.failed', inbox]);
    });

    test(`${user} cannot delete, purge or reshape a stream`, async () => {
      const verbs = ['DELETE', 'PURGE', 'MSG.DELETE', ...(user === 'streams' ? [] : ['CREATE', 'UPDATE'])];
      await users.assertRefused(user, [
        ...streams.flatMap(({ name }) => verbs.map((verb) => `$JS.API.STREAM.${verb}.${name}`)),
        '$JS.API.STREAM.CREATE.OTHER',
        // Without a consumer name in the subject, the request could ask for any filter.
        '$JS.API.CONSUMER.CREATE.LIBRARY',
        ...(user === 'reminder' ? [] : ['$JS.API.CONSUMER.CREATE.LIBRARY.x.library.>']),
      ]);
    });

    test(`${user} cannot use the consumers of others or delete any consumer`, async () => {
      const ofOthers = durables
        .filter(({ owner }) => owner !== user)
        .flatMap(({ durable, event }) => [
          ...['MSG.NEXT', 'INFO', 'CREATE', 'DURABLE.CREATE'].map(
            (verb) => `$JS.API.CONSUMER.${verb}.${event.stream}.${durable}`,
          ),
          `$JS.API.CONSUMER.CREATE.${event.stream}.${durable}.${filterOf(event)}`,
          `$JS.ACK.${event.stream}.${durable}.1.1.1.1.1`,
        ]);
      const ofStreams = streams.flatMap(({ name }) => [
        ...['NAMES', 'LIST'].map((verb) => `$JS.API.CONSUMER.${verb}.${name}`),
        ...['DELETE', 'PAUSE', 'RESET'].map((verb) => `$JS.API.CONSUMER.${verb}.${name}.${user}-x`),
      ]);
      await users.assertRefused(user, [...ofOthers, ...ofStreams]);
    });

    test(`${user} can read single messages only of its own subjects and archive`, async () => {
      const service = services.find(({ name }) => name === user);
      const published = (service?.publishes ?? service?.events ?? []).map(({ stream }) => stream);
      const archived = user === 'ranking' ? [archiveKind] : [];
      const byFilter = (stream: string) => `$JS.API.STREAM.MSG.GET.${stream}`;
      assert.deepEqual(await users.refusedOf(user, archived.map(byFilter)), []);
      const names = streams.map(({ name }) => name);
      await users.assertRefused(user, [
        ...names.filter((name) => !archived.includes(name)).map(byFilter),
        ...names.map((name) => `$JS.API.DIRECT.GET.${name}`),
        ...names
          .filter((name) => !published.includes(name))
          .map((name) => `$JS.API.DIRECT.GET.${name}.library.hub.alice`),
      ]);
    });
  }

  test('a service can store and remove snapshots only of its own view', async () => {
    const stream = bucketStream('ranking');
    const subjects = [
      ...['INFO', 'MSG.GET', 'PURGE'].map((verb) => `$JS.API.STREAM.${verb}.${stream}`),
      `$JS.API.DIRECT.GET.${stream}`,
      ...['C', 'M'].map((kind) => `$O.${bucketOf('ranking')}.${kind}.x`),
      claimSubject('ranking'),
    ];
    assert.deepEqual(await users.refusedOf('ranking', subjects), []);
    for (const other of ['movies', 'gateway', 'seed']) await users.assertRefused(other, subjects);
    await users.assertRefused('streams', subjects.slice(1));
  });

  for (const service of services) {
    test(`every consumer that ${service.name} can create expires`, async () => {
      await using client = await users.connect(service.name);
      const jsm = await jetstreamManager(client.nc, { checkAPI: false });
      for (const { stream, filter } of await readingsOf(service)) {
        const name = `${service.name}-kept`;
        const durable = { name, durable_name: name, filter_subject: filter, ack_policy: AckPolicy.Explicit };
        const { config } = await jsm.consumers.add(stream, durable);
        assert.ok((config.inactive_threshold ?? 0) > 0 && (config.inactive_threshold ?? 0) <= longestIdle, stream);
        const longer = { ...durable, name: `${name}-longer`, durable_name: `${name}-longer` };
        await assert.rejects(
          jsm.consumers.add(stream, { ...longer, inactive_threshold: longestIdle + 1 }),
          /inactive threshold/,
        );
      }
    });
  }

  test('the streams job can only create our streams', async () => {
    await using client = await users.connect('streams');
    const jsm = await jetstreamManager(client.nc, { checkAPI: false });
    assert.equal((await jsm.streams.info('VOTES')).config.name, 'VOTES');
    await users.assertRefused('streams', ['$JS.API.STREAM.CREATE.OTHER']);
  });

  for (const [key, reason] of [
    ['movies', /the broker refuses ranking: (publish|subscription) \S+/],
    [undefined, /the broker refuses ranking: connect \(.*authorization violation.*\)/i],
  ] as const) {
    test(`a service with ${key ? 'the key of another' : 'an unknown key'} reports what the broker refuses`, async () => {
      using folder = temporaryFolder();
      const seed = key ? users.broker.seedOf(key) : new TextDecoder().decode(nkeys.createUser().getSeed());
      const logFile = join(folder.path, 'log');
      const env = { NATS_URL: users.broker.url, NATS_NKEY_SEED: seed, RANKING_PORT: '0', LOG_LEVEL: 'error' };
      const config = { ...readConfig({ ...env, DATA_DIR: folder.path }), logFile };
      await using running = await (await serviceNamed('ranking').load())(config);
      await assert.rejects(running.ready, reason);
      const { status, body } = await get<{ refused: string[] }>(`${running.url}/readyz`);
      assert.equal(status, 503);
      assert.match(`the broker refuses ranking: ${body.refused[0]}`, reason);
    });
  }

  test('the broker refuses a connection without a key', async () => {
    await assert.rejects(connect({ servers: users.broker.url, reconnect: false }), /authorization violation/i);
    const config = readConfig({ NATS_URL: users.broker.url });
    await using connection = new Connection(config, 'seed', createLogger('seed', 'silent'));
    await assert.rejects(connection.within(60_000), /the broker refuses seed/, 'a program fails without waiting');
  });

  test('no refused action has changed the streams', async () => {
    await using operator = await users.connect('operator');
    const jsm = await jetstreamManager(operator.nc);
    const names: string[] = [];
    for await (const { config } of jsm.streams.list()) names.push(config.name);
    assert.deepEqual(names.sort(), [...streams, ...derived].map(({ name }) => name).sort());
  });
});
