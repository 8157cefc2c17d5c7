import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'vitest';
import { get, post, put, type Replica, type Reply, startSystem, until } from './harness.ts';

interface Movie {
  movieId: number;
  title: string;
  revision: number;
}
interface Page {
  items: Movie[];
  next: string | null;
}

async function all(replica: Replica): Promise<Map<number, Movie>> {
  const found = new Map<number, Movie>();
  for (let cursor = ''; ; ) {
    const { body } = await get<Page>(`${replica.url}/movies?limit=500${cursor}`);
    for (const movie of body.items) found.set(movie.movieId, movie);
    if (body.next === null) return found;
    cursor = `&cursor=${body.next}`;
  }
}

/** Adds and changes movies, one request after another, until stopped; records what was acknowledged. */
function writer(replica: Replica, firstId: number) {
  const acknowledged = new Map<number, string>();
  const unknown = new Set<number>();
  const statuses = new Map<number, number>();
  let running = true;
  const attempt = async (movieId: number, ask: () => Promise<Reply<unknown>>, title: string): Promise<void> => {
    const { status } = await ask();
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (status < 300) acknowledged.set(movieId, title);
    else unknown.add(movieId);
  };
  const lane = async (offset: number): Promise<void> => {
    for (let movieId = firstId + offset; running; movieId += 8) {
      const url = `${replica.url}/movies`;
      await attempt(movieId, () => post(url, { movieId, title: `Film ${movieId}` }), `Film ${movieId}`);
      if (!acknowledged.has(movieId)) {
        // Otherwise thousands of requests would be refused while the broker is away.
        await sleep(20);
        continue;
      }
      await attempt(movieId, () => put(`${url}/${movieId}`, { title: `Changed ${movieId}` }), `Changed ${movieId}`);
    }
  };
  const lanes = Promise.all(Array.from({ length: 8 }, (_, offset) => lane(offset)));
  return {
    acknowledged,
    unknown,
    statuses,
    async stop(): Promise<void> {
      running = false;
      await lanes;
    },
  };
}

// Concurrent, because each test has a system of its own and mostly waits.
test.concurrent('a broker killed under writes loses nothing acknowledged, and all services recover by themselves', async () => {
  await using system = await startSystem({ ownBroker: true });
  const replicas = await system.start('movies', 'movies');
  const writers = replicas.map((replica, i) => writer(replica, 1 + i * 1_000_000));
  const written = (): number => writers.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  for (let round = 1; round <= 3; round++) {
    const before = written();
    await until(() => written() > before + 100, 'writes to be acknowledged');
    await system.killBroker();
    await until(() => writers.every(({ statuses }) => (statuses.get(503) ?? 0) > round), 'writes to be refused');
    await system.restartBroker();
  }
  const before = written();
  await until(() => written() > before + 100, 'writes to be acknowledged again');
  await Promise.all(writers.map((each) => each.stop()));

  for (const { statuses } of writers) {
    // 409: a retry of a request that was stored without an answer. No other status may occur.
    for (const status of statuses.keys()) assert.ok([200, 201, 202, 409, 503].includes(status), `status ${status}`);
  }
  await until(async () => {
    const [a, b] = await Promise.all(replicas.map(all));
    assert.deepEqual(a, b);
    for (const { acknowledged, unknown } of writers) {
      for (const [movieId, title] of acknowledged) {
        const shown = a?.get(movieId)?.title;
        // A change without an answer may have been stored after the last acknowledged one.
        assert.ok(shown === title || (unknown.has(movieId) && shown?.startsWith('Changed')), `${movieId}: ${shown}`);
      }
    }
    return true;
  }, 'both replicas to show all that was acknowledged');
});

test.concurrent('without a broker writes are refused at once with Retry-After, and reads are answered', async () => {
  await using system = await startSystem({ ownBroker: true });
  const [movies] = await system.start('movies');
  await post(`${movies.url}/movies`, { movieId: 1, title: 'Alien' });
  await system.killBroker();
  await until(
    async () => (await get<{ broker: string }>(`${movies.url}/readyz`)).body.broker === 'disconnected',
    'the loss to be noticed',
  );
  const refused = await post(`${movies.url}/movies`, { movieId: 2, title: 'Aliens' });
  assert.equal(refused.body.detail, 'The message broker cannot be reached.', 'it does not wait for its deadline');
  assert.deepEqual([refused.status, refused.body.code, refused.headers.get('retry-after')], [503, 'unavailable', '1']);
  assert.equal((await get(`${movies.url}/movies/1`)).body.title, 'Alien');
  assert.equal((await get<Page>(`${movies.url}/movies?q=alien`)).body.items.length, 1);
  assert.equal((await get(`${movies.url}/healthz`)).status, 200);
  const { status, body } = await get<{ degraded: boolean }>(`${movies.url}/readyz`);
  assert.deepEqual([status, body.degraded], [200, true], 'it is still asked');

  await system.restartBroker();
  await until(
    async () => (await post(`${movies.url}/movies`, { movieId: 2, title: 'Aliens' })).status === 201,
    'a write to be taken',
  );
  await until(async () => (await get(`${movies.url}/readyz`)).status === 200, 'the service to be ready');
});

test.concurrent('a service started before its broker and its streams waits for them', async () => {
  await using system = await startSystem({ streams: false, ownBroker: true });
  await system.killBroker();
  const movies = await system.startReplica('movies');
  assert.equal((await get(`${movies.url}/healthz`)).status, 200);
  const early = await get(`${movies.url}/movies`);
  assert.deepEqual([early.status, early.body.code], [503, 'unavailable']);
  await system.restartBroker();
  await until(() => system.connection.connected, 'the connection');
  assert.equal((await get(`${movies.url}/movies`)).status, 503);
  const { applyStreams } = await import('../streams/apply.ts');
  await applyStreams(system.link.nc, { streamReplicas: 1 });
  await movies.ready;
  assert.equal((await post(`${movies.url}/movies`, { movieId: 1, title: 'Alien' })).status, 201);
});
