/** What each user of the broker can do, which is all that the system needs, and what none of them can. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { AckPolicy, DeliverPolicy, jetstreamManager } from '@nats-io/jetstream';
import { type NatsConnection, nkeyAuthenticator, nkeys } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { backingServices, serviceNamed, services } from '../../services/index.ts';
import { archiveKind } from '../../shared/broker/archive.ts';
import { Connection } from '../../shared/broker/connection.ts';
import { bucketOf, bucketStream, claimSubject } from '../../shared/broker/snapshot-bucket.ts';
import { consumerLimits } from '../../shared/broker/work-consumer.ts';
import { type EventType, filterOf } from '../../shared/operations/event.ts';
import { portVariable, readConfig } from '../../shared/process/config.ts';
import { createLogger } from '../../shared/process/log.ts';
import { problemsOf } from '../../shared/rpc/statistics.ts';
import {
  batchSubject,
  decodeReplies,
  encodeRequest,
  encodeRequests,
  pingSubject,
  replicaSubject,
} from '../../shared/rpc/wire-format.ts';
import { derived, streams } from '../../streams/all.ts';
import { applyStreams } from '../../streams/apply.ts';
import { get, post, put, temporaryFolder, until } from '../../tests/harness.ts';
import { readingsOf } from './permissions.ts';
import { type SecuredBroker, startSecuredBroker } from './secured-broker.ts';
import { userNames } from './user-names.ts';

const names = services.map(({ name }) => name);
/** A subject of each event that these services publish. */
const events: Record<string, string[]> = Object.fromEntries(
  services.map(({ name, events: own, publishes = own }) => [name, publishes.map(subjectOfExample)]),
);
const longestIdle = consumerLimits.inactive_threshold;
const everyone = userNames.filter((name) => name !== 'operator');
const durables = services.flatMap(({ name, workers = [] }) => workers.map((worker) => ({ owner: name, ...worker })));

function subjectOfExample({ subject }: EventType): string {
  return subject.replace('{site}', 'hub').replace(/\{\w+\}/g, '1');
}

describe('on a broker with users', () => {
  const stack = new AsyncDisposableStack();
  const urls: Record<string, string> = {};
  let broker: SecuredBroker;

  /** A connection as a user has it, with what the broker refused to it. */
  const as = async (
    user: string,
  ): Promise<{ nc: NatsConnection; refused: string[]; [Symbol.asyncDispose](): Promise<void> }> => {
    const authenticator = nkeyAuthenticator(new TextEncoder().encode(broker.seedOf(user)));
    const nc = await connect({ servers: broker.url, authenticator, inboxPrefix: `_INBOX.${user}`, timeout: 3000 });
    const refused: string[] = [];
    void (async () => {
      for await (const status of nc.status()) if (status.type === 'error') refused.push(status.error.message);
    })();
    return { nc, refused, [Symbol.asyncDispose]: () => nc.close() };
  };

  /** Publishes as a user. @returns what the broker says against it; undefined when it takes it. */
  const refusalOf = async (user: string, subject: string, body = '{}'): Promise<string | undefined> => {
    await using client = await as(user);
    client.nc.publish(subject, body, { reply: `_INBOX.${user}.x` });
    await client.nc.flush();
    // The refusal is ahead of the pong, but told on a later turn.
    await new Promise(setImmediate);
    return client.refused[0];
  };

  const assertRefused = async (user: string, subject: string): Promise<void> => {
    const refusal = await refusalOf(user, subject);
    assert.match(refusal ?? 'nothing', /permissions violation/i, `${user} must not publish ${subject}`);
  };

  beforeAll(async () => {
    const folder = stack.use(temporaryFolder());
    broker = stack.use(await startSecuredBroker(folder.path));
    const configFor = (user: string) => {
      const ports = Object.fromEntries(names.map((name) => [portVariable(name), '0']));
      const env = { ...ports, NATS_URL: broker.url, NATS_NKEY_SEED: broker.seedOf(user), LOG_LEVEL: 'silent' };
      return readConfig({ ...env, DATA_DIR: join(folder.path, user) });
    };
    {
      await using connection = new Connection(configFor('streams'), 'streams', createLogger('streams', 'silent'));
      await applyStreams((await connection.first).nc, { streamReplicas: 1 });
      // Again: what is there is looked at and left alone.
      await applyStreams((await connection.first).nc, { streamReplicas: 1 });
    }
    await Promise.all(
      services.map(async ({ name, load }) => {
        const running = stack.use(await (await load())(configFor(name)));
        await running.ready;
        urls[name] = running.url;
      }),
    );
  });
  afterAll(() => stack.disposeAsync());

  test('every service can do its work', async () => {
    const { gateway } = urls;
    assert.equal((await post(`${gateway}/movies`, { movieId: 1, title: 'Alien', genres: ['Horror'] })).status, 201);
    await until(async () => (await post(`${gateway}/votes/1/like`, { voterId: 'alice' })).status === 200, 'a like');
    await until(async () => (await get(`${gateway}/movies/1`)).body.likes === 1, 'movies to ask ranking');
    const remindAt = new Date(Date.now() + 1500).toISOString();
    assert.equal((await post(`${gateway}/reminder/alice/1`, { remindAt })).status, 201);
    await until(async () => {
      const { body } = await get<{ items: { due: boolean }[] }>(`${gateway}/reminder/alice`);
      return body.items[0]?.due;
    }, 'the reminder to be due');
    assert.equal((await post(`${gateway}/watched/alice/1`, {})).status, 201);
    assert.equal((await post(`${gateway}/support/alice`, { message: 'Help' })).status, 201);
    const orderId = await until(async () => {
      const { body } = await get<{ items: { orderId: string }[] }>(`${gateway}/orders`);
      return body.items[0]?.orderId;
    }, 'a service order');
    assert.equal((await post(`${gateway}/orders/${orderId}/assign`, { assignee: 'robin' })).status, 200);
    assert.equal((await post(`${gateway}/orders/${orderId}/resolve`, {})).status, 200);
    // Of changes that come at once one is the first, and the others have to look what it was.
    const titles = Array.from({ length: 6 }, (_, i) => put(`${gateway}/movies/1`, { title: `Alien ${i}` }));
    assert.ok((await Promise.all(titles)).some(({ status }) => status === 200));
    // Many at once go out as atomic batches and batches of requests.
    const likes = Array.from({ length: 200 }, (_, i) => post(`${gateway}/votes/1/like`, { voterId: `v${i}` }));
    assert.ok((await Promise.all(likes)).every(({ status }) => status === 200));
    for (const name of names) assert.equal((await get(`${urls[name]}/readyz`)).status, 200, name);
    assert.doesNotMatch(broker.log(), /violation/i, 'what they do is allowed, all of it');
  });

  test('a caller reaches one replica, as it does when another hangs', async () => {
    await using gateway = await as('gateway');
    await using person = await as('operator');
    const replica = await person.nc.request('$SRV.PING.movies', '', { timeout: 3000 });
    const { id } = replica.json<{ id: string }>();
    const unknown = { token: null, user: null, traceparent: null };
    const genres = encodeRequest({ subject: 'movies.genres', input: {}, ...unknown });
    const answer = await gateway.nc.request(replicaSubject('movies', id), encodeRequests(3000, [genres]), {
      timeout: 3000,
    });
    assert.equal(decodeReplies(answer.string()).entries[0]?.status, 200);
    await gateway.nc.request(pingSubject('movies', id), '', { timeout: 3000 });
    assert.deepEqual(gateway.refused, []);
  });

  test('no answer becomes an event, whatever subject a caller wants it on', async () => {
    await using operator = await as('operator');
    const jsm = await jetstreamManager(operator.nc);
    const ends = () => Promise.all(streams.map(async ({ name }) => (await jsm.streams.info(name)).state.last_seq));
    const before = await ends();
    const asked = backingServices.map(({ name, operations }) => {
      const [first] = Object.values(operations).filter(({ kind }) => kind === 'query');
      const entry = { subject: first?.subject ?? '', input: first?.example ?? {} };
      const request = encodeRequest({ ...entry, token: null, user: null, traceparent: null });
      return { name, batch: encodeRequests(3000, [request]) };
    });
    for (const [user, names] of [
      ['gateway', asked.map(({ name }) => name)],
      ...services.flatMap(({ name, asks }) => (asks && asks !== 'all' ? [[name, asks] as const] : [])),
      ['seed', ['movies']],
    ] as [string, readonly string[]][]) {
      await using client = await as(user);
      for (const { name, batch } of asked.filter((one) => names.includes(one.name))) {
        for (const reply of ['votes.hub.1', 'library.hub.victim', 'catalogue.hub.movie.1', 'support.hub.t9.opened']) {
          client.nc.publish(batchSubject(name), batch, { reply });
        }
        // What is asked behind them is answered behind them.
        await client.nc.request(batchSubject(name), batch, { timeout: 3000 });
      }
      assert.deepEqual(client.refused, []);
    }
    assert.deepEqual(await ends(), before);
  });

  test('nobody gives a vote by having the broker answer where votes are stored', async () => {
    await using operator = await as('operator');
    await using movies = await as('movies');
    const jsm = await jetstreamManager(movies.nc, { checkAPI: false });
    movies.nc.publish('catalogue.hub.movie.77', '{"voterId":"mallory","liked":true}');
    await movies.nc.flush();
    const last = { deliver_policy: DeliverPolicy.Last, ack_policy: AckPolicy.None, filter_subject: 'catalogue.>' };
    await jsm.consumers.add('CATALOGUE', { name: 'movies-m', ...last });
    const operating = await jetstreamManager(operator.nc);
    const end = async () => (await operating.streams.info('VOTES')).state.last_seq;
    const before = (await get(`${urls.ranking}/votes/1`)).body.likes;
    for (const [subject, body] of [
      ['$JS.API.DIRECT.GET.CATALOGUE.catalogue.hub.movie.77', ''],
      ['$JS.API.CONSUMER.MSG.NEXT.CATALOGUE.movies-m', '{"batch":1,"no_wait":true}'],
      ['$JS.API.STREAM.INFO.CATALOGUE', ''],
      ['catalogue.hub.movie.78', '{"voterId":"mallory","liked":true}'],
    ] as const) {
      const was = await end();
      movies.nc.publish(subject, body, { reply: 'votes.hub.1' });
      await until(async () => (await end()) > was, `the answer to ${subject}`);
    }
    const was = await end();
    for (const verb of ['PING', 'INFO', 'STATS']) operator.nc.publish(`$SRV.${verb}`, '', { reply: 'votes.hub.1' });
    await operator.nc.request('$SRV.STATS.ranking');
    assert.equal(await end(), was, 'the services themselves answer nothing there');
    // It is answered when all that was stored before is in the view.
    assert.equal((await post(`${urls.gateway}/votes/1/like`, { voterId: 'alice' })).body.likes, before);
    for (const { name } of backingServices) assert.equal((await get(`${urls[name]}/readyz`)).status, 200, name);
  });

  test('a service that was not the first finds out what was', async () => {
    for (const [user, stream, subject] of [
      ['support', 'SUPPORT', 'support.*.*.opened'],
      ['technical-support', 'SUPPORT', 'support.*.*.resolved'],
      ['reminder', 'LIBRARY', 'reminders.*.hub.alice.1'],
      ['movies', 'CATALOGUE', 'catalogue.*.movie.1'],
    ] as const) {
      await using client = await as(user);
      const jsm = await jetstreamManager(client.nc, { checkAPI: false });
      assert.ok(((await jsm.direct.getMessage(stream, { last_by_subj: subject }))?.seq ?? 0) > 0, subject);
      assert.equal(await jsm.direct.getMessage(stream, { last_by_subj: subject.replace(/\w+$/, 'never') }), null);
    }
  });

  test('what a view cannot take goes to DEADLETTERS', async () => {
    await using operator = await as('operator');
    const first = new Map(services.flatMap(({ events: own }) => own.map((event) => [event.stream, event] as const)));
    for (const event of first.values()) operator.nc.publish(subjectOfExample(event), 'not JSON');
    for (const { name } of backingServices) {
      await until(
        async () => Number((await get(`${urls[name]}/readyz`)).body.deadLetters) > 0,
        `a dead letter of ${name}`,
      );
    }
  });

  test('nats micro finds the services', async () => {
    await using operator = await as('operator');
    const found = new Set<string>();
    operator.nc.subscribe('_INBOX.operator.ping', {
      callback: (_, message) => void found.add(message.json<{ name: string }>().name),
    });
    operator.nc.publish('$SRV.PING', '', { reply: '_INBOX.operator.ping' });
    await until(() => found.size === backingServices.length, 'all services to answer');
    await operator.nc.request('$SRV.STATS.movies');
  });

  for (const user of ['gateway', 'streams']) {
    test(`${user} asks the services what an operator has to decide`, async () => {
      await using client = await as(user);
      assert.deepEqual(await problemsOf(client.nc, ['movies', 'support']), []);
      assert.deepEqual(client.refused, []);
    });
  }

  for (const user of everyone) {
    test(`${user} cannot read what is not for it`, async () => {
      await using client = await as(user);
      const other = user === 'movies' ? 'ranking' : 'movies';
      const refused = [`_INBOX.${other}.>`, '_INBOX.>', '>', `${other}.>`, 'votes.>', 'library.>', '$JS.API.>'];
      for (const subject of refused) client.nc.subscribe(subject);
      // Not even what its own replicas are asked, but in their queue group.
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
      for (const [owner, subjects] of Object.entries(events)) {
        if (owner !== user) for (const subject of subjects) await assertRefused(user, subject);
      }
      await assertRefused(user, 'deadletters.VOTES.somebody.x-1.failed');
      await assertRefused(user, `_INBOX.${user === 'movies' ? 'ranking' : 'movies'}.x`);
    });

    test(`${user} cannot delete, purge or reshape a stream`, async () => {
      for (const { name } of streams) {
        for (const verb of ['DELETE', 'PURGE', 'MSG.DELETE'])
          await assertRefused(user, `$JS.API.STREAM.${verb}.${name}`);
        if (user !== 'streams') {
          for (const verb of ['CREATE', 'UPDATE']) await assertRefused(user, `$JS.API.STREAM.${verb}.${name}`);
        }
      }
      await assertRefused(user, '$JS.API.STREAM.CREATE.OTHER');
      // Without a name in the subject any filter could be asked for.
      await assertRefused(user, '$JS.API.CONSUMER.CREATE.LIBRARY');
      if (user !== 'reminder') await assertRefused(user, '$JS.API.CONSUMER.CREATE.LIBRARY.x.library.>');
    });

    test(`${user} cannot touch the consumers of others, nor delete any`, async () => {
      for (const { owner, durable, event } of durables.filter((one) => one.owner !== user)) {
        for (const verb of ['MSG.NEXT', 'INFO', 'CREATE', 'DURABLE.CREATE']) {
          await assertRefused(user, `$JS.API.CONSUMER.${verb}.${event.stream}.${durable}`);
        }
        await assertRefused(user, `$JS.API.CONSUMER.CREATE.${event.stream}.${durable}.${filterOf(event)}`);
        await assertRefused(user, `$JS.ACK.${event.stream}.${durable}.1.1.1.1.1`);
        assert.notEqual(owner, user);
      }
      for (const { name } of streams) {
        for (const verb of ['NAMES', 'LIST']) await assertRefused(user, `$JS.API.CONSUMER.${verb}.${name}`);
        for (const verb of ['DELETE', 'PAUSE', 'RESET']) {
          await assertRefused(user, `$JS.API.CONSUMER.${verb}.${name}.${user}-x`);
        }
      }
    });

    test(`${user} reads single messages of its own subjects and of its archive only`, async () => {
      const service = services.find(({ name }) => name === user);
      const published = (service?.publishes ?? service?.events ?? []).map(({ stream }) => stream);
      const archived = user === 'ranking' ? [archiveKind] : [];
      for (const { name } of streams) {
        if (archived.includes(name)) assert.equal(await refusalOf(user, `$JS.API.STREAM.MSG.GET.${name}`), undefined);
        else await assertRefused(user, `$JS.API.STREAM.MSG.GET.${name}`);
        await assertRefused(user, `$JS.API.DIRECT.GET.${name}`);
        if (!published.includes(name)) await assertRefused(user, `$JS.API.DIRECT.GET.${name}.library.hub.alice`);
      }
    });
  }

  test('a service stores and removes snapshots of its own view only', async () => {
    const subjectsOf = (name: string): string[] => [
      ...['INFO', 'MSG.GET', 'PURGE'].map((verb) => `$JS.API.STREAM.${verb}.${bucketStream(name)}`),
      `$JS.API.DIRECT.GET.${bucketStream(name)}`,
      ...['C', 'M'].map((kind) => `$O.${bucketOf(name)}.${kind}.x`),
      claimSubject(name),
    ];
    for (const subject of subjectsOf('ranking')) {
      assert.equal(await refusalOf('ranking', subject), undefined, subject);
      for (const other of ['movies', 'gateway', 'seed', 'streams']) {
        if (other !== 'streams' || !subject.includes('INFO')) await assertRefused(other, subject);
      }
    }
  });

  for (const service of services) {
    test(`no consumer that ${service.name} makes stays for ever`, async () => {
      await using client = await as(service.name);
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

  test('the streams job is the one that can make a stream, and only ours', async () => {
    await using client = await as('streams');
    const jsm = await jetstreamManager(client.nc, { checkAPI: false });
    assert.equal((await jsm.streams.info('VOTES')).config.name, 'VOTES');
    await assertRefused('streams', '$JS.API.STREAM.CREATE.OTHER');
  });

  for (const [key, reason] of [
    ['movies', /the broker refuses ranking: (publish|subscription) \S+/],
    [undefined, /the broker refuses ranking: connect \(.*authorization violation.*\)/i],
  ] as const) {
    test(`a service with ${key ? 'the key of another' : 'an unknown key'} says what is refused`, async () => {
      using folder = temporaryFolder();
      const seed = key ? broker.seedOf(key) : new TextDecoder().decode(nkeys.createUser().getSeed());
      const logFile = join(folder.path, 'log');
      const env = { NATS_URL: broker.url, NATS_NKEY_SEED: seed, RANKING_PORT: '0', LOG_LEVEL: 'error' };
      const config = { ...readConfig({ ...env, DATA_DIR: folder.path }), logFile };
      await using running = await (await serviceNamed('ranking').load())(config);
      await assert.rejects(running.ready, reason);
      const { status, body } = await get<{ refused: string[] }>(`${running.url}/readyz`);
      assert.equal(status, 503);
      assert.match(`the broker refuses ranking: ${body.refused[0]}`, reason);
    });
  }

  test('nobody gets in without a key', async () => {
    await assert.rejects(connect({ servers: broker.url, reconnect: false }), /authorization violation/i);
  });

  test('nothing of what was refused has changed the streams', async () => {
    await using operator = await as('operator');
    const jsm = await jetstreamManager(operator.nc);
    const names: string[] = [];
    for await (const { config } of jsm.streams.list()) names.push(config.name);
    assert.deepEqual(names.sort(), [...streams, ...derived].map(({ name }) => name).sort());
  });
});
