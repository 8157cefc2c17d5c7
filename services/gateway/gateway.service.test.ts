/** The gateway with real services: forwarding, degraded pages, circuit breaker, rate limits, rules for browsers. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { get, post, put, request, startSystem, until } from '../../tests/harness.ts';
import { services } from '../index.ts';
import { gatewayOf } from './service.ts';

interface Page {
  movie: { title: string } | null;
  likes: number | null;
  liked: boolean | null;
  reminder: { movieId: number } | null;
  watched: boolean | null;
  degraded: string[];
}

const alice = { 'x-user-id': 'alice' };

test('forwards every part of an answer: status, body, ETag, Location, 304, problems', async () => {
  await using system = await startSystem();
  const [gateway, movies] = await system.start('gateway', 'movies');
  const added = await post(`${gateway.url}/movies`, { movieId: 1, title: 'Alien', genres: ['Horror'] });
  assert.equal(added.status, 201);
  assert.equal(added.headers.get('location'), '/movies/1');
  const revision = added.headers.get('etag') ?? '';

  const details = await get(`${gateway.url}/movies/1`);
  const direct = await get(`${movies.url}/movies/1`);
  assert.deepEqual(details.body, direct.body);
  const etag = details.headers.get('etag') ?? '';
  assert.deepEqual([etag, revision], [direct.headers.get('etag'), `"${details.body.revision}"`]);
  const unchanged = await request('GET', `${gateway.url}/movies/1`, { headers: { 'if-none-match': etag } });
  assert.equal(unchanged.status, 304);
  const created = { body: { movieId: 3, title: 'Solaris' }, headers: { 'if-none-match': '*' } };
  assert.equal((await request('POST', `${gateway.url}/movies`, created)).status, 201, 'only a GET is answered 304');

  const stale = await put(`${gateway.url}/movies/1`, { title: 'Aliens' }, { 'if-match': '"999"' });
  assert.deepEqual([stale.status, stale.body.code], [412, 'precondition_failed']);
  const invalid = await post(`${gateway.url}/movies`, { movieId: 2 });
  assert.equal(invalid.status, 400);
  assert.deepEqual((invalid.body.fields as { field: string }[])[0]?.field, 'title');
  assert.equal((await get(`${gateway.url}/movies/77`)).status, 404);
  assert.equal((await get(`${gateway.url}/movies?q=alien`)).status, 200);
});

test('a movie page joins the answers of all services, and leaves out those that are down', async () => {
  await using system = await startSystem();
  const [gateway, , ranking, reminder] = await system.start('gateway', 'movies', 'ranking', 'reminder');
  await post(`${gateway.url}/movies`, { movieId: 1, title: 'Alien' });
  assert.equal((await post(`${gateway.url}/votes/1/like`, {}, alice)).status, 200);
  assert.equal((await post(`${gateway.url}/reminder/alice/1`, {})).status, 201);

  const page = async () => (await get<Page>(`${gateway.url}/pages/movie/1`, alice)).body;
  const complete = await page();
  assert.equal(complete.movie?.title, 'Alien');
  assert.deepEqual([complete.likes, complete.liked, complete.watched, complete.degraded], [1, true, false, []]);
  assert.equal(complete.reminder?.movieId, 1);
  const anonymous = (await get<Page>(`${gateway.url}/pages/movie/1`)).body;
  assert.deepEqual([anonymous.liked, anonymous.reminder, anonymous.watched], [null, null, null]);
  assert.equal((await get(`${gateway.url}/pages/movie/2`)).status, 404);
  assert.equal((await get(`${gateway.url}/pages/movie/x`)).status, 400);

  await ranking.stop();
  await reminder.stop();
  const degraded = await page();
  assert.equal(degraded.movie?.title, 'Alien');
  assert.deepEqual([degraded.likes, degraded.reminder, degraded.watched], [null, null, null]);
  assert.deepEqual(degraded.degraded.toSorted(), ['ranking', 'reminder']);
});

test('answers 503 with Retry-After when a service is down, then refuses at once, and recovers with the service', async () => {
  await using system = await startSystem();
  const [gateway, movies] = await system.start('gateway', 'movies');
  await movies.stop();
  for (let request = 0; request < 20; request++) {
    const { status, headers, body } = await get(`${gateway.url}/genres`);
    assert.deepEqual([status, body.code], [503, 'unavailable']);
    assert.ok(Number(headers.get('retry-after')) >= 1);
  }
  // Repeated, because the breaker lets a trial request through every half second.
  await until(async () => {
    const { body } = await get(`${gateway.url}/genres`);
    return String(body.detail).includes('is not responding');
  }, 'a request to be refused without being sent');

  await system.start('movies');
  await until(
    async () => (await get(`${gateway.url}/genres`)).status === 200,
    'movies to answer through the gateway again',
  );
});

test('limits the commands of one caller, but not queries or other callers', async () => {
  await using system = await startSystem();
  await system.start('movies', 'ranking');
  const gateway = await system.startReplica('gateway', { WRITES_PER_MINUTE: '5' });
  await gateway.ready;
  await post(`${gateway.url}/movies`, { movieId: 1, title: 'Alien' }, { 'x-user-id': 'editor' });
  const like = () => post(`${gateway.url}/votes/1/like`, {}, alice);
  for (let vote = 0; vote < 5; vote++) assert.equal((await like()).status, 200);
  const limited = await like();
  assert.deepEqual([limited.status, limited.body.code], [429, 'rate_limited']);
  assert.ok(Number(limited.headers.get('retry-after')) >= 1);
  assert.equal((await get(`${gateway.url}/votes/1`, alice)).status, 200);
  assert.equal((await post(`${gateway.url}/votes/1/like`, {}, { 'x-user-id': 'bob' })).status, 200);
});

test('refuses changes from foreign origins unless configured, and sends no CORS headers to other clients', async () => {
  await using system = await startSystem();
  await system.start('movies');
  const gateway = await system.startReplica('gateway', { CORS_ORIGINS: 'https://films.example' });
  await gateway.ready;
  const movie = { movieId: 1, title: 'Alien' };
  const evil = await post(`${gateway.url}/movies`, movie, { origin: 'https://evil.example' });
  assert.deepEqual([evil.status, evil.headers.get('access-control-allow-origin')], [403, null]);
  const friendly = await post(`${gateway.url}/movies`, movie, { origin: 'https://films.example' });
  assert.deepEqual(
    [friendly.status, friendly.headers.get('access-control-allow-origin')],
    [201, 'https://films.example'],
  );
  const preflight = await request('OPTIONS', `${gateway.url}/movies`, {
    headers: { origin: 'https://films.example', 'access-control-request-method': 'POST' },
  });
  assert.equal(preflight.status, 204);
  assert.equal((await get(`${gateway.url}/movies/1`)).headers.get('access-control-allow-origin'), null);
});

test('answers 503 at once when the broker is unreachable', async () => {
  await using system = await startSystem({ ownBroker: true });
  const [gateway] = await system.start('gateway', 'movies');
  await system.killBroker();
  await until(
    async () => (await get<{ degraded: boolean }>(`${gateway.url}/readyz`)).body.degraded,
    'the gateway to notice that the broker is unreachable',
  );
  const { status, headers, body } = await post(`${gateway.url}/movies`, { movieId: 1, title: 'Alien' });
  assert.equal(status, 503);
  assert.equal(body.detail, 'The message broker cannot be reached.', 'refused without sending a request');
  assert.ok(headers.get('retry-after'));
  await system.restartBroker();
  await until(
    async () => (await post(`${gateway.url}/movies`, { movieId: 1, title: 'Alien' })).status === 201,
    'the gateway to recover by itself',
  );
});

test('refuses unknown body fields without forwarding them, even when deeply nested', async () => {
  await using system = await startSystem();
  const [gateway] = await system.start('gateway', 'ranking');
  const body = `{"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  const { status } = await request('POST', `${gateway.url}/votes/1/like`, { body });
  assert.equal(status, 400, 'x is not a field of the input');
  assert.equal((await get(`${gateway.url}/ranking`)).status, 200);
});

test('becomes ready only when the services started beside it are ready', async () => {
  await using system = await startSystem();
  const others = Promise.withResolvers<void>();
  await using gateway = await gatewayOf(services)(system.config(), others.promise);
  const status = async () => (await get(`${gateway.url}/readyz`)).status;
  // Once it is connected, requests fail because movies is not running, and no longer for lack of a connection.
  await until(async () => {
    return String((await get(`${gateway.url}/movies/1`)).body.detail).includes('No replica of movies');
  }, 'the gateway to be connected to the broker');
  assert.equal(await status(), 503);
  others.resolve();
  await gateway.ready;
  assert.equal(await status(), 200);
});
