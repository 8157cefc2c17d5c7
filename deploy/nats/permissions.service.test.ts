/** What each user of the broker can do, which is all that the system needs, and what none of them can. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { type NatsConnection, nkeyAuthenticator } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { services } from '../../services/index.ts';
import { Connection } from '../../shared/broker/connection.ts';
import { portVariable, readConfig } from '../../shared/process/config.ts';
import { createLogger } from '../../shared/process/log.ts';
import { decodeReplies, encodeRequests, pingSubject, replicaSubject } from '../../shared/rpc/wire-format.ts';
import { applyStreams } from '../../streams/apply.ts';
import { streams } from '../../streams/index.ts';
import { get, post, temporaryFolder, until } from '../../tests/harness.ts';
import { users } from './permissions.ts';
import { type SecuredBroker, startSecuredBroker } from './secured-broker.ts';
import { usersConfiguration, usersFile } from './write.ts';

const names = services.map(({ name }) => name);
/** An event that each of these services owns. */
const events: Record<string, string> = {
  movies: 'catalogue.hub.movie.1',
  ranking: 'votes.hub.1',
  reminder: 'library.hub.alice',
  support: 'support.hub.t1.opened',
  'technical-support': 'support.hub.t1.resolved',
};

test('users.conf is what the table says', () => {
  assert.equal(readFileSync(usersFile, 'utf8'), usersConfiguration(), 'run: npm run deploy:nats');
});

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
    const genres = { subject: 'movies.genres', input: {}, timeoutMs: 3000, ...unknown };
    const answer = await gateway.nc.request(replicaSubject('movies', id), encodeRequests([genres]), { timeout: 3000 });
    assert.equal(decodeReplies(answer.string()).entries[0]?.status, 200);
    await gateway.nc.request(pingSubject('movies', id), '', { timeout: 3000 });
    assert.deepEqual(gateway.refused, []);
  });

  test('what a view cannot take goes to DEADLETTERS', async () => {
    await using operator = await as('operator');
    for (const [name, subject] of Object.entries(events)) {
      if (name !== 'technical-support') operator.nc.publish(subject, 'not JSON');
    }
    for (const name of Object.keys(events)) {
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
    await until(() => found.size === Object.keys(events).length, 'all services to answer');
    await operator.nc.request('$SRV.STATS.movies');
  });

  for (const user of Object.keys(users).filter((name) => name !== 'operator')) {
    test(`${user} cannot read what is not for it`, async () => {
      await using client = await as(user);
      const other = user === 'movies' ? 'ranking' : 'movies';
      const refused = [`_INBOX.${other}.>`, '_INBOX.>', '>', `${other}.>`, 'votes.>', 'library.>', '$JS.API.>'];
      for (const subject of refused) client.nc.subscribe(subject);
      // Not even what its own replicas are asked, but in their queue group.
      client.nc.subscribe(`${user}.>`);
      await client.nc.flush();
      await until(() => client.refused.length === refused.length + 1, `${client.refused.length} refusals of ${user}`);
      if (user in events) {
        client.nc.subscribe(`${user}.get`, { queue: user });
        await client.nc.flush();
        assert.equal(client.refused.length, refused.length + 1);
      }
    });

    test(`${user} cannot publish another's events`, async () => {
      for (const [owner, subject] of Object.entries(events)) {
        if (owner !== user) await assertRefused(user, subject);
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
      if (user !== 'technical-support') {
        for (const verb of ['MSG.NEXT', 'DELETE', 'INFO']) {
          await assertRefused(user, `$JS.API.CONSUMER.${verb}.SUPPORT.technical-support-orders`);
        }
      }
    });
  }

  test('the streams job is the one that can make a stream, and only ours', async () => {
    await using client = await as('streams');
    const jsm = await jetstreamManager(client.nc, { checkAPI: false });
    assert.equal((await jsm.streams.info('VOTES')).config.name, 'VOTES');
    await assertRefused('streams', '$JS.API.STREAM.CREATE.OTHER');
  });

  test('nobody gets in without a key', async () => {
    await assert.rejects(connect({ servers: broker.url, reconnect: false }), /authorization violation/i);
  });

  test('nothing of what was refused has changed the streams', async () => {
    await using operator = await as('operator');
    const jsm = await jetstreamManager(operator.nc);
    const names: string[] = [];
    for await (const { config } of jsm.streams.list()) names.push(config.name);
    assert.deepEqual(names.sort(), streams.map(({ name }) => name).sort());
  });
});
