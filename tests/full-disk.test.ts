/** A disk that is full holds a view up, answers on, and lets it go on by itself when there is space. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { SmallDisk } from './chaos/full-disk.ts';
import { get, post, startSystem, until } from './harness.ts';

test('a view whose disk is full answers from what it has, and goes on when there is space', async (t) => {
  await using system = await startSystem();
  const disk = SmallDisk.mount(join(system.folder, 'disk'));
  if (!disk) return t.skip('this user may not mount a file system');
  using _mounted = disk;
  const [movies] = await system.start('movies');
  await using ranking = await system.startReplica('ranking', { DATA_DIR: disk.path, REQUEST_TIMEOUT_MS: '1000' });
  await ranking.ready;
  const genres = ['One', 'Two', 'Three', 'Four', 'Five', 'Six'];
  for (let movieId = 1; movieId <= 50; movieId++) {
    assert.equal((await post(`${movies.url}/movies`, { movieId, title: `Film ${movieId}`, genres })).status, 201);
  }
  await until(async () => (await get(`${ranking.url}/votes/50`)).status === 200, 'the movies');

  disk.fill();
  // The log of the view has no room left at some time: then a vote is stored and not yet shown.
  const voted: number[] = [];
  await until(async () => {
    const { status } = await post(`${ranking.url}/votes/1/like`, { voterId: `fan-${voted.length}` });
    voted.push(status);
    return status === 202;
  }, 'the view to stand still');
  assert.equal((await get(`${ranking.url}/ranking/genre/six`)).status, 200, 'queries are answered');
  assert.equal((await get(`${ranking.url}/readyz`)).status, 503, 'others should be asked instead');

  disk.free();
  await until(async () => (await get(`${ranking.url}/readyz`)).status === 200, 'the view to go on');
  const { body } = await get<{ likes: number }>(`${ranking.url}/votes/1`);
  assert.equal(body.likes, voted.length);
  // Many more transactions than the disk has room for, if the log were never shortened.
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
