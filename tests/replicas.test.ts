import assert from 'node:assert/strict';
import { test } from 'vitest';
import { movies as contract } from '../services/movies/contract.ts';
import { get, post, put, type Replica, startSystem, until } from './harness.ts';

interface Page {
  items: { movieId: number; title: string; revision: number }[];
  next: string | null;
}

const all = async (replica: Replica): Promise<Page['items']> =>
  (await get<Page>(`${replica.url}/movies?limit=500`)).body.items;

/** Waits until both replicas show the same `count` movies. */
async function agree(a: Replica, b: Replica, count: number): Promise<void> {
  await until(async () => {
    const [ofA, ofB] = await Promise.all([all(a), all(b)]);
    assert.equal(ofA.length, count);
    assert.deepEqual(ofA, ofB);
    return true;
  }, `both replicas to show the same ${count} movies`);
}

test('both replicas have the same catalogue, whichever wrote it', async () => {
  await using system = await startSystem();
  const [a, b] = await system.start('movies', 'movies');
  await Promise.all(
    Array.from({ length: 60 }, (_, i) =>
      post(`${(i % 2 ? a : b).url}/movies`, { movieId: i + 1, title: `Film ${i + 1}`, genres: ['Drama'] }),
    ),
  );
  await agree(a, b, 60);
  // A change through one replica is visible at the other, which can then change the movie again.
  const changed = await put(`${b.url}/movies/1`, { title: 'Changed through b' });
  assert.equal(changed.status, 200);
  const again = await put(`${a.url}/movies/1`, { title: 'And through a' });
  assert.equal(again.status, 200);
  await agree(a, b, 60);
  assert.equal((await all(b))[0]?.title, 'And through a');
});

// So many concurrent requests are sent to the broker in batches.
test('of four clients that add the same movie at once one succeeds, and the others get a conflict', async () => {
  await using system = await startSystem();
  const [a, b] = await system.start('movies', 'movies');
  await Promise.all(
    Array.from({ length: 40 }, async (_, n) => {
      const movieId = n + 1;
      const replies = await Promise.all(
        [a, b, a, b].map(({ url }, i) => post(`${url}/movies`, { movieId, title: `By ${i}` })),
      );
      assert.deepEqual(replies.map(({ status }) => status).sort(), [201, 409, 409, 409], `movie ${movieId}`);
      const winner = replies.findIndex(({ status }) => status === 201);
      assert.equal((await get(`${[a, b][winner % 2]?.url}/movies/${movieId}`)).body.title, `By ${winner}`);
    }),
  );
  await agree(a, b, 40);
});

test('of many changes to one revision through both replicas one succeeds', async () => {
  await using system = await startSystem();
  const [a, b] = await system.start('movies', 'movies');
  await Promise.all(
    Array.from({ length: 20 }, (_, n) => post(`${a.url}/movies`, { movieId: n + 1, title: `Film ${n + 1}` })),
  );
  await agree(a, b, 20);
  const movies = await all(a);
  await Promise.all(
    movies.map(async ({ movieId, revision }) => {
      const replies = await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          put(`${[a, b][i % 2]?.url}/movies/${movieId}`, { title: `Try ${i}` }, { 'if-match': `"${revision}"` }),
        ),
      );
      const count = (status: number): number => replies.filter((reply) => reply.status === status).length;
      assert.deepEqual([count(200), count(412)], [1, 7], `movie ${movieId}`);
    }),
  );
});

test('replicas share requests over NATS, and a stopping replica accepts no more', async () => {
  await using system = await startSystem();
  const [a] = await system.start('movies', 'movies');
  await post(`${a.url}/movies`, { movieId: 1, title: 'Alien' });
  const { nc } = system.link;
  const counts = async (): Promise<number[]> => {
    const found = await nc.requestMany('$SRV.STATS.movies', '', { strategy: 'stall', maxWait: 2000 });
    const numbers: number[] = [];
    for await (const message of found) {
      const stats = message.json<{ endpoints: { subject: string; num_requests: number }[] }>();
      numbers.push(stats.endpoints.find(({ subject }) => subject === 'movies.genres')?.num_requests ?? 0);
    }
    return numbers;
  };
  for (let i = 0; i < 60; i++) await nc.request('movies.genres', '{}', { timeout: 20_000 });
  const shared = await until(async () => {
    const numbers = await counts();
    return numbers.length === 2 ? numbers : undefined;
  }, 'both to say how many they had');
  assert.equal(
    shared.reduce((sum, n) => sum + n, 0),
    60,
  );
  for (const count of shared) assert.ok(count > 5, `shared as ${shared}`);

  // Requests that arrive while a replica stops are answered by either of them.
  const asked = Array.from({ length: 200 }, () => system.caller.ask(contract.genres, {}, { timeoutMs: 20_000 }));
  await a.stop();
  asked.push(...Array.from({ length: 50 }, () => system.caller.ask(contract.genres, {}, { timeoutMs: 20_000 })));
  for (const answer of await Promise.all(asked)) assert.deepEqual(answer, { items: [], next: null });
  assert.equal((await counts()).length, 1);
});
