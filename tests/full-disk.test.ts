/** On a full disk a view stops advancing but answers, and recovers by itself once there is space. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'vitest';
import { SmallDisk } from './chaos/full-disk.ts';
import { get, post, startSystem, until } from './harness.ts';

/** Starts movies, and ranking with its view on a small disk; undefined if that cannot be mounted. */
async function startOnSmallDisk(t: TestContext, env = {}) {
  await using stack = new AsyncDisposableStack();
  const system = stack.use(await startSystem());
  const disk = SmallDisk.mount(join(system.folder, 'disk'));
  if (!disk) {
    t.skip('this user may not mount a file system');
    return undefined;
  }
  stack.use(disk);
  const [{ url: movies }] = await system.start('movies');
  const ranking = stack.use(await system.startReplica('ranking', { DATA_DIR: disk.path, ...env }));
  await ranking.ready;
  const all = stack.move();
  return { system, disk, movies, ranking, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

test('a ranking is refused while a full disk keeps an acknowledged like out of it', async (t) => {
  await using small = await startOnSmallDisk(t);
  if (!small) return;
  const { system, disk, movies, ranking } = small;
  for (const movieId of [1, 2]) {
    assert.equal(
      (await post(`${movies}/movies`, { movieId, title: `Film ${movieId}`, genres: ['Drama'] })).status,
      201,
    );
  }
  const liked = ['ann', 'bob', 'eve'].map((voterId) => post(`${ranking.url}/votes/2/like`, { voterId }));
  for (const { status } of await Promise.all(liked)) assert.equal(status, 200);
  disk.fill();
  const url = `${ranking.url}/ranking/genre/drama`;
  const filledAt = performance.now();
  for (let asked = 0; asked < 20; asked++) {
    const { status, headers, body } = await get<{ items: { movieId: number; likes: number }[] }>(url);
    const ranks = (): number[][] => body.items.map(({ movieId, likes }) => [movieId, likes]);
    if (status === 503) assert.ok(headers.get('retry-after'));
    else
      assert.deepEqual(ranks(), [
        [2, 3],
        [1, 0],
      ]);
  }
  const { body } = await get<{ likes: number }>(`${ranking.url}/votes/2`);
  assert.equal(body.likes, 3, 'likes are answered from the last state of the view');
  // On a slow machine the ranks may have been written before the disk was full: then nothing is logged.
  const { logFile = '' } = system.config();
  const log = existsSync(logFile) ? readFileSync(logFile, 'utf8') : '';
  const warnings = log.split('writing deferred rows failed').length - 1;
  const seconds = (performance.now() - filledAt) / 1000;
  assert.ok(warnings <= 1 + seconds, `${warnings} warnings in ${seconds} s: not one or two for each request`);
  disk.free();
  const first = async () => (await get<{ items?: { movieId: number }[] }>(url)).body.items?.[0]?.movieId;
  await until(async () => (await first()) === 2, 'the ranking');
  await ranking.stop();
});

test('a view on a full disk answers from its last state and recovers once there is space', async (t) => {
  await using small = await startOnSmallDisk(t, { REQUEST_TIMEOUT_MS: '1000' });
  if (!small) return;
  const { system, disk, movies, ranking } = small;
  const genres = ['One', 'Two', 'Three', 'Four', 'Five', 'Six'];
  for (let movieId = 1; movieId <= 50; movieId++) {
    assert.equal((await post(`${movies}/movies`, { movieId, title: `Film ${movieId}`, genres })).status, 201);
  }
  await until(async () => (await get(`${ranking.url}/votes/50`)).status === 200, 'the movies');

  disk.fill();
  // At some point the WAL cannot grow: a vote is then stored but not yet visible.
  let voted = 0;
  await until(async () => {
    const { status } = await post(`${ranking.url}/votes/1/like`, { voterId: `fan-${voted}` });
    if (status < 300) voted++;
    return status === 202 && (await get(`${ranking.url}/readyz`)).status === 503;
  }, 'the view to stand still, and others to be asked instead');
  const ranked = await get(`${ranking.url}/ranking/genre/six`);
  assert.equal(ranked.status, 200, `queries are answered: ${JSON.stringify(ranked.body)}`);

  disk.free();
  await until(async () => (await get(`${ranking.url}/readyz`)).status === 200, 'the view to go on');
  const { body } = await get<{ likes: number }>(`${ranking.url}/votes/1`);
  assert.equal(body.likes, voted);
  // Many more transactions than would fit if the WAL were never truncated.
  for (let vote = 0; vote < 1500; vote += 50) {
    const sent = Array.from({ length: 50 }, (_, index) => {
      return system.publish(`votes.hub.${1 + index}`, { voterId: `more-${vote}`, liked: true });
    });
    await Promise.all(sent);
  }
  await until(async () => {
    const { likes } = (await get<{ likes: number }>(`${ranking.url}/votes/50`)).body;
    return likes === 30;
  }, 'all votes');
  await ranking.stop();
});
