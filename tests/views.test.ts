import assert from 'node:assert/strict';
import { openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { movies as contract } from '../services/movies/contract.ts';
import { applyStreams } from '../streams/all.ts';
import { get, post, type Replica, type System, startSystem, until } from './harness.ts';

const count = 300;

async function withMovies(ownBroker = false): Promise<{ system: System; movies: Replica }> {
  const system = await startSystem({ ownBroker });
  const [movies] = await system.start('movies');
  const films = Array.from({ length: count }, (_, i) => ({
    movieId: i + 1,
    title: `Film number ${i + 1}`,
    genres: ['Drama'],
    year: 1900 + (i % 100),
  }));
  const { results } = await system.caller.ask(contract.import, { movies: films }, { timeoutMs: 20_000 });
  assert.ok(results.every(({ outcome }) => outcome === 'added'));
  await until(async () => (await get(`${movies.url}/movies/${count}`)).status === 200, 'all films to be shown');
  return { system, movies };
}

/** Reads what a client sees: lists, a search, genres. */
async function answers({ url }: Replica): Promise<unknown[]> {
  const paths = ['/movies?limit=500', '/movies?sort=-year&limit=50', '/movies?q=film+number+7', '/genres', '/movies/7'];
  return Promise.all(paths.map(async (path) => (await get(url + path)).body));
}

const fileOf = ({ dataDir }: Replica): string => {
  const views = join(dataDir, 'views');
  const name = readdirSync(views).find((file) => file.endsWith('.sqlite'));
  assert.ok(name);
  return join(views, name);
};

/** Writes garbage over most of a file. */
function damage(file: string): void {
  const size = statSync(file).size;
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.alloc(size - 4096, 0xa5), 0, size - 4096, 4096);
}

// Concurrent, because each test has a system of its own and mostly waits.
test.concurrent('a file deleted while the service is stopped is rebuilt', async () => {
  const { system, movies } = await withMovies();
  await using _ = system;
  const before = await answers(movies);
  await movies.stop();
  rmSync(join(movies.dataDir, 'views'), { recursive: true });
  const again = await system.startReplica('movies', { DATA_DIR: movies.dataDir });
  await again.ready;
  assert.deepEqual(await answers(again), before);
});

test.concurrent('an existing file is used without reading the streams again', async () => {
  const { system, movies } = await withMovies(true);
  await using _ = system;
  const before = await answers(movies);
  await movies.stop();
  const again = await system.startReplica('movies', { DATA_DIR: movies.dataDir });
  // Even without a broker, it answers at once.
  await again.stop();
  await system.killBroker();
  const alone = await system.startReplica('movies', { DATA_DIR: movies.dataDir });
  assert.deepEqual(await answers(alone), before);
  assert.equal((await get(`${alone.url}/readyz`)).status, 503);
});

test.concurrent('a file that is garbage at the start is rebuilt', async () => {
  const { system, movies } = await withMovies();
  await using _ = system;
  const before = await answers(movies);
  await movies.stop();
  damage(fileOf(movies));
  const again = await system.startReplica('movies', { DATA_DIR: movies.dataDir });
  await again.ready;
  await until(async () => {
    assert.deepEqual(await answers(again), before);
    return true;
  }, 'the same answers');
});

test.concurrent('a file that becomes garbage under a running service is rebuilt', async () => {
  const { system, movies } = await withMovies();
  await using _ = system;
  const before = await answers(movies);
  damage(fileOf(movies));
  // New events make the service access the file, whose pages may still be cached in memory.
  let movieId = count;
  await until(async () => {
    await post(`${movies.url}/movies`, { movieId: ++movieId, title: 'Later', genres: ['Crime'] });
    const { status } = await get(`${movies.url}/movies?sort=title&limit=500`);
    return status === 200 && (await get(`${movies.url}/movies/${movieId}`)).status === 200;
  }, 'reading and writing to work again');
  assert.deepEqual((await answers(movies)).at(2), before.at(2));
});

test.concurrent('a file deleted under a running service is rebuilt', async () => {
  const { system, movies } = await withMovies();
  await using _ = system;
  const before = await answers(movies);
  const file = fileOf(movies);
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
  await until(
    () => readdirSync(join(movies.dataDir, 'views')).some((name) => name.endsWith('.sqlite')),
    'another file',
  );
  await until(async () => (await get(`${movies.url}/readyz`)).status === 200, 'the service to be ready');
  assert.deepEqual(await answers(movies), before);
});

test.concurrent('the view starts over when its stream was deleted, recreated and accepted', async () => {
  const { system, movies } = await withMovies();
  await using _ = system;
  await (await system.streams()).streams.delete('CATALOGUE');
  await applyStreams(system.link.nc, { streamReplicas: 1 }, { accept: true });
  await until(async () => {
    const { status, body } = await get<{ items: unknown[] }>(`${movies.url}/movies`);
    return status === 200 && body.items.length === 0;
  }, 'the old movies to be gone');
  assert.equal((await post(`${movies.url}/movies`, { movieId: 1, title: 'The first again' })).status, 201);
  assert.deepEqual(
    (await get<{ items: { title: string }[] }>(`${movies.url}/movies`)).body.items.map(({ title }) => title),
    ['The first again'],
  );
});

test.concurrent('the view starts over when its stream lost its last messages', async () => {
  const { system, movies } = await withMovies();
  await using _ = system;
  await movies.stop();
  await (await system.streams()).streams.delete('CATALOGUE');
  await applyStreams(system.link.nc, { streamReplicas: 1 }, { accept: true });
  await system.publish('catalogue.hub.movie.5', { title: 'Restored' });
  const again = await system.startReplica('movies', { DATA_DIR: movies.dataDir });
  await again.ready;
  await until(async () => {
    const { body } = await get<{ items: { title: string }[] }>(`${again.url}/movies`);
    assert.deepEqual(
      body.items.map(({ title }) => title),
      ['Restored'],
    );
    return true;
  }, 'only the new stream to be shown');
});
