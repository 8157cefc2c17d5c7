import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { movies as contract } from '../services/movies/contract.ts';
import { get, post, put, type Runtime, runtimes, startSystem, until } from './harness.ts';

interface Page {
  items: { movieId: number; title: string; revision: number }[];
}

const ready = (url: string) => until(async () => (await get(`${url}/readyz`)).status === 200, `${url} to be ready`);
const all = async (url: string) => (await get<Page>(`${url}/movies?limit=500`)).body.items;

/** Each runtime is both: the one that is killed, and the one that takes writes meanwhile. */
const pairs = runtimes.map((runtime, index) => [runtime, runtimes.at(index - 1) as Runtime] as const);

const others = runtimes.filter((runtime) => runtime !== 'node');
test.each(others)('a view that Node has left is gone on with by %s, and the other way round', async (other) => {
  await using system = await startSystem();
  const files = (folder: string): string[] => readdirSync(join(folder, 'views')).filter((name) => /sqlite$/.test(name));
  const started = async (runtime: Runtime, env?: Record<string, string>) => {
    const replica = await system.spawn('support', runtime, env);
    await ready(replica.url);
    return { ...replica, files: files(replica.dataDir) };
  };
  let replica = await started('node');
  for (const runtime of [other, 'node'] as const) {
    assert.equal(await replica.program.signal('SIGTERM'), 0);
    const next = await started(runtime, { DATA_DIR: replica.dataDir });
    assert.deepEqual(next.files, replica.files);
    replica = next;
  }
});

/** The promises of the system, kept by services as processes: the same on Node and on Deno, and on both together. */
for (const [first, second] of pairs) {
  test(`replicas on ${first} and ${second}: one catalogue, one winner, nothing lost`, async () => {
    await using system = await startSystem({ ownBroker: true });
    const a = await system.spawn('movies', first);
    let b = await system.spawn('movies', second);
    await Promise.all([ready(a.url), ready(b.url)]);

    for (let movieId = 1; movieId <= 25; movieId++) {
      const replies = await Promise.all(
        [a, b].map(({ url }, i) => post(`${url}/movies`, { movieId, title: `Amélie ${i}`, genres: ['Drama'] })),
      );
      assert.deepEqual(replies.map(({ status }) => status).sort(), [201, 409], `movie ${movieId}`);
    }
    const found = await get<Page>(`${a.url}/movies?q=amelei`);
    assert.ok(found.body.items.length > 0);
    assert.equal((await get(`${b.url}/movies?cursor=x`)).status, 400);
    assert.equal(
      (await post(`${b.url}/movies`, { movieId: 99, title: 'x', description: 'y'.repeat(2_000_000) })).status,
      413,
    );
    assert.equal((await system.caller.ask(contract.details, { movieId: 1 }, { timeoutMs: 5000 })).movieId, 1);

    // Killed under writes, one replica and then the broker; what was acknowledged is there.
    const acknowledged = new Map<number, string>();
    let writing = true;
    const writer = (async () => {
      for (let movieId = 1000; writing; movieId++) {
        const title = `Film ${movieId}`;
        if ((await post(`${a.url}/movies`, { movieId, title })).status === 201) acknowledged.set(movieId, title);
      }
    })();
    const more = async (): Promise<void> => {
      const before = acknowledged.size;
      await until(() => acknowledged.size > before + 30, 'more writes');
    };
    await more();
    await b.program.signal('SIGKILL');
    await more();
    b = await system.spawn('movies', second, { DATA_DIR: b.dataDir });
    await more();
    await system.killBroker();
    await system.restartBroker();
    await more();
    writing = false;
    await writer;
    await until(async () => {
      const [ofA, ofB] = await Promise.all([all(a.url), all(b.url)]);
      assert.deepEqual(ofA, ofB);
      const titles = new Map(ofA.map(({ movieId, title }) => [movieId, title]));
      for (const [movieId, title] of acknowledged) if (movieId < 1300) assert.equal(titles.get(movieId), title);
      return true;
    }, 'both replicas to show all that was acknowledged');

    // Stopped in order, one with its view deleted: the same answers again.
    const before = await all(a.url);
    assert.equal(await a.program.signal('SIGTERM'), 0);
    assert.equal(await b.program.signal('SIGINT'), 0);
    rmSync(join(b.dataDir, 'views'), { recursive: true });
    b = await system.spawn('movies', second, { DATA_DIR: b.dataDir });
    await ready(b.url);
    assert.deepEqual(await all(b.url), before);
    assert.equal((await put(`${b.url}/movies/1`, { title: 'Changed' }, { 'if-match': '"0"' })).status, 412);
  });
}
