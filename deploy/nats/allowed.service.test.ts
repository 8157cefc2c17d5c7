/** All services work with the permissions of their users, and no reply becomes an event. */
import assert from 'node:assert/strict';
import { AckPolicy, DeliverPolicy, jetstreamManager } from '@nats-io/jetstream';
import { nanos } from '@nats-io/nats-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { backingServices, services } from '../../services/index.ts';
import { problemsOf } from '../../shared/rpc/statistics.ts';
import {
  batchSubject,
  decodeReplies,
  encodeRequests,
  pingSubject,
  replicaSubject,
} from '../../shared/rpc/wire-format.ts';
import { streams } from '../../streams/all.ts';
import { get, post, put, remindSoon, until } from '../../tests/harness.ts';
import { SecuredUsers, subjectOfExample } from './secured-users.ts';

const names = services.map(({ name }) => name);

describe('on a broker with users', () => {
  const stack = new AsyncDisposableStack();
  const urls: Record<string, string> = {};
  let users: SecuredUsers;

  beforeAll(async () => {
    users = stack.use(await SecuredUsers.start());
    await Promise.all(
      services.map(async ({ name, load }) => {
        const running = stack.use(await (await load())(users.configFor(name)));
        await running.ready;
        urls[name] = running.url;
      }),
    );
  });
  afterAll(() => stack.disposeAsync());

  test('every service can work', async () => {
    const { gateway } = urls;
    assert.equal((await post(`${gateway}/movies`, { movieId: 1, title: 'Alien', genres: ['Horror'] })).status, 201);
    await until(async () => (await post(`${gateway}/votes/1/like`, { voterId: 'alice' })).status === 200, 'a like');
    await until(async () => (await get(`${gateway}/movies/1`)).body.likes === 1, 'movies to ask ranking');
    assert.equal((await remindSoon(`${gateway}/reminder/alice/1`)).status, 201);
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
    // Of concurrent changes one wins, and the others read the stored state again.
    const titles = Array.from({ length: 6 }, (_, i) => put(`${gateway}/movies/1`, { title: `Alien ${i}` }));
    assert.ok((await Promise.all(titles)).some(({ status }) => status === 200));
    // Concurrent likes are sent as atomic batches and batches of requests.
    const likes = Array.from({ length: 200 }, (_, i) => post(`${gateway}/votes/1/like`, { voterId: `v${i}` }));
    assert.ok((await Promise.all(likes)).every(({ status }) => status === 200));
    for (const name of names) assert.equal((await get(`${urls[name]}/readyz`)).status, 200, name);
    assert.doesNotMatch(users.broker.log(), /violation/i, 'the broker refused nothing');
  });

  test('a caller can address one replica, as it does when another hangs', async () => {
    await using gateway = await users.connect('gateway');
    await using person = await users.connect('operator');
    const replica = await person.nc.request('$SRV.PING.movies', '', { timeout: 20_000 });
    const { id } = replica.json<{ id: string }>();
    const genres = JSON.stringify({ subject: 'movies.genres', input: {} });
    const answer = await gateway.nc.request(replicaSubject('movies', id), encodeRequests(20_000, [genres]), {
      timeout: 20_000,
    });
    assert.equal(decodeReplies(answer.string()).entries[0]?.status, 200);
    await gateway.nc.request(pingSubject('movies', id), '', { timeout: 20_000 });
    assert.deepEqual(gateway.refused, []);
  });

  test('no reply becomes an event, whatever reply subject a caller chooses', async () => {
    await using operator = await users.connect('operator');
    const jsm = await jetstreamManager(operator.nc);
    const ends = () => Promise.all(streams.map(async ({ name }) => (await jsm.streams.info(name)).state.last_seq));
    const before = await ends();
    const asked = backingServices.map(({ name, operations }) => {
      const [first] = Object.values(operations).filter(({ kind }) => kind === 'query');
      const request = JSON.stringify({ subject: first?.subject ?? '', input: first?.example ?? {} });
      return { name, batch: encodeRequests(20_000, [request]) };
    });
    for (const [user, names] of [
      ['gateway', asked.map(({ name }) => name)],
      ...services.flatMap(({ name, asks }) => (asks && asks !== 'all' ? [[name, asks] as const] : [])),
      ['seed', ['movies']],
    ] as [string, readonly string[]][]) {
      await using client = await users.connect(user);
      for (const { name, batch } of asked.filter((one) => names.includes(one.name))) {
        for (const reply of ['votes.hub.1', 'library.hub.victim', 'catalogue.hub.movie.1', 'support.hub.t9.opened']) {
          client.nc.publish(batchSubject(name), batch, { reply });
        }
        // Requests are answered in order, so this reply shows that the others have been handled.
        await client.nc.request(batchSubject(name), batch, { timeout: 20_000 });
      }
      assert.deepEqual(client.refused, []);
    }
    assert.deepEqual(await ends(), before);
  });

  test('a JetStream reply sent to a subject of VOTES does not count as a vote', async () => {
    await using operator = await users.connect('operator');
    await using movies = await users.connect('movies');
    const jsm = await jetstreamManager(movies.nc, { checkAPI: false });
    movies.nc.publish('catalogue.hub.movie.77', '{"voterId":"mallory","liked":true}');
    await movies.nc.flush();
    const last = { deliver_policy: DeliverPolicy.Last, ack_policy: AckPolicy.None, filter_subject: 'catalogue.>' };
    // The default is 5 seconds, which a busy machine may take until the consumer is used.
    await jsm.consumers.add('CATALOGUE', { name: 'movies-m', ...last, inactive_threshold: nanos(60_000) });
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
    await operator.nc.request('$SRV.STATS.ranking', '', { timeout: 20_000 });
    assert.equal(await end(), was, 'services do not reply to that subject');
    // The like is answered once the view has applied everything stored before it.
    assert.equal((await post(`${urls.gateway}/votes/1/like`, { voterId: 'alice' })).body.likes, before);
    for (const { name } of backingServices) assert.equal((await get(`${urls[name]}/readyz`)).status, 200, name);
  });

  test('a service that lost a race can read the winning event', async () => {
    for (const [user, stream, subject] of [
      ['support', 'SUPPORT', 'support.*.*.opened'],
      ['technical-support', 'SUPPORT', 'support.*.*.resolved'],
      ['reminder', 'LIBRARY', 'reminders.*.hub.alice.1'],
      ['movies', 'CATALOGUE', 'catalogue.hub.movie.1'],
    ] as const) {
      await using client = await users.connect(user);
      const jsm = await jetstreamManager(client.nc, { checkAPI: false });
      assert.ok(((await jsm.direct.getMessage(stream, { last_by_subj: subject }))?.seq ?? 0) > 0, subject);
      assert.equal(await jsm.direct.getMessage(stream, { last_by_subj: subject.replace(/\w+$/, 'never') }), null);
    }
  });

  test('messages that a view cannot apply go to DEADLETTERS', async () => {
    await using operator = await users.connect('operator');
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
    await using operator = await users.connect('operator');
    const found = new Set<string>();
    operator.nc.subscribe('_INBOX.operator.ping', {
      callback: (_, message) => void found.add(message.json<{ name: string }>().name),
    });
    operator.nc.publish('$SRV.PING', '', { reply: '_INBOX.operator.ping' });
    await until(() => found.size === backingServices.length, 'all services to answer');
    await operator.nc.request('$SRV.STATS.movies', '', { timeout: 20_000 });
  });

  for (const user of ['gateway', 'streams']) {
    test(`${user} can ask the services for problems that an operator must resolve`, async () => {
      await using client = await users.connect(user);
      assert.deepEqual(await problemsOf(client.nc, ['movies', 'support']), []);
      assert.deepEqual(client.refused, []);
    });
  }
});
