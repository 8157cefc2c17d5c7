import assert from 'node:assert/strict';
import { test } from 'vitest';
import { movies as contract } from '../services/movies/contract.ts';
import { get, post, startSystem, until } from './harness.ts';

test.concurrent('a stopping service answers requests in flight; a refused request is not stored', async () => {
  await using system = await startSystem();
  const [movies, other] = await system.start('movies', 'movies');
  const overHttp = Array.from({ length: 50 }, (_, i) =>
    post(`${movies.url}/movies`, { movieId: i + 1, title: `Film ${i}` }).catch(() => undefined),
  );
  const overNats = Array.from({ length: 50 }, (_, i) =>
    system.caller.ask(contract.add, { movieId: 1000 + i, title: `Film ${i}` }, { timeoutMs: 20_000 }),
  );
  const byHand = Array.from({ length: 50 }, (_, i) =>
    system.link.nc.request('movies.add', JSON.stringify({ movieId: 2000 + i, title: `Film ${i}` }), {
      timeout: 20_000,
    }),
  );
  // Settled at the end, so that an early failure does not end the test.
  const asked = Promise.all([Promise.all(overHttp), Promise.all(overNats), Promise.all(byHand)]);
  asked.catch(() => {});
  await until(
    async () => (await get<{ items: unknown[] }>(`${other.url}/movies`)).body.items.length > 0,
    'the first to be stored',
  );
  await movies.stop();
  const [http, nats, hand] = await asked;
  for (const { title } of nats) assert.match(title, /^Film /);
  for (const message of hand) assert.equal(message.headers?.get('Nats-Service-Error') ?? '', '');
  // After this like, the other replica shows everything that the stopped one has stored.
  assert.equal((await post(`${other.url}/movies`, { movieId: 3000, title: 'The last' })).status, 201);
  // A connection that was not yet accepted is refused, so its request had no effect.
  for (const [i, reply] of http.entries()) {
    assert.ok(reply === undefined || reply.status === 201, `status ${reply?.status}`);
    const { status } = await get(`${other.url}/movies/${i + 1}`);
    assert.equal(status, reply ? 200 : 404, `movie ${i + 1}`);
  }
  await assert.rejects(get(`${movies.url}/healthz`));
});

test.concurrent('a service can be stopped in every state: without a broker, without its stream, under load', async () => {
  await using system = await startSystem({ streams: false, ownBroker: true });
  const withoutStream = await system.startReplica('movies');
  await until(
    async () => (await get<{ broker: string }>(`${withoutStream.url}/readyz`)).body.broker === 'connected',
    'the broker',
  );
  await withoutStream.stop();
  await system.killBroker();
  const withoutBroker = await system.startReplica('movies');
  await withoutBroker.stop();
});

test.concurrent('a process exits with 0 on SIGTERM, even while it waits for its broker', async () => {
  await using system = await startSystem({ ownBroker: true });
  const idle = await system.spawn('movies');
  assert.equal(await idle.program.signal('SIGTERM'), 0);
  await system.killBroker();
  const waiting = await system.spawn('movies');
  assert.equal(await waiting.program.signal('SIGINT'), 0);
  assert.equal(waiting.program.stderr, '');
});

test.concurrent('a port in use, an unknown service and an invalid variable are reported in one line', async () => {
  await using system = await startSystem();
  const [movies] = await system.start('movies');
  const port = new URL(movies.url).port;
  const taken = system.program('services/main.ts', ['movies'], { MOVIES_PORT: port });
  assert.equal(await taken.ended, 1);
  assert.equal(taken.stderr, `127.0.0.1:${port} is in use by another program\n`);
  const unknown = system.program('services/main.ts', ['movie']);
  assert.equal(await unknown.ended, 1);
  assert.match(unknown.stderr, /^There is no service movie\. Available services: .*movies/);
  const wrong = system.program('services/main.ts', ['movies'], { SITE: 'a site' });
  assert.equal(await wrong.ended, 1);
  assert.match(wrong.stderr, /SITE: must be 1 to 64/);
});
