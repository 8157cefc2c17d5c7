/** Backup and restore of a whole system give the same answers; a damaged backup is not restored. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { backup } from '../deploy/backup.ts';
import { restore } from '../deploy/restore.ts';
import { backingServices } from '../services/index.ts';
import { get, post, put, type System, startSystem, until } from './harness.ts';

const names = backingServices.map(({ name }) => name);
const one = { streamReplicas: 1 };

/** Reads answers of every service, with their ETags. */
async function answersOf(urls: Record<string, string>, ticketId: string): Promise<unknown> {
  const paths: [string, string][] = [
    ['movies', '/movies'],
    ['movies', '/movies/1'],
    ['ranking', '/votes'],
    ['ranking', '/ranking?by=trending'],
    ['reminder', '/reminder'],
    ['reminder', '/watched'],
    ['support', `/support/ann/${ticketId}`],
    ['technical-support', '/orders'],
  ];
  const answers = paths.map(async ([service, path]) => {
    const { status, body, headers } = await get(urls[service] + path);
    return { path, status, body, etag: headers.get('etag') };
  });
  return Promise.all(answers);
}

async function startAll(system: System): Promise<Record<string, string>> {
  const replicas = await system.start(...names);
  return Object.fromEntries(replicas.map(({ name, url }) => [name, url]));
}

// Concurrent, because each test has a system of its own and mostly waits.
test.concurrent('a backup made during writes, restored into an empty system, gives the same answers', async () => {
  await using before = await startSystem();
  const urls = await startAll(before);
  for (let movieId = 1; movieId <= 20; movieId++) {
    assert.equal((await post(`${urls.movies}/movies`, { movieId, title: `Film ${movieId}` })).status, 201);
    assert.equal((await post(`${urls.ranking}/votes/${movieId}/like`, { voterId: `fan${movieId % 3}` })).status, 200);
  }
  assert.equal((await put(`${urls.movies}/movies/1`, { title: 'Film One' })).status, 200);
  assert.equal((await post(`${urls.reminder}/watched/ann/4`, {})).status, 201);
  const { body: ticket } = await post<{ ticketId: string }>(`${urls.support}/support/ann`, { message: 'Help' });
  await until(async () => (await get<{ items: [] }>(`${urls['technical-support']}/orders`)).body.items.length, 'order');
  const sequence = await before.publish('votes.hub.7', 'not a vote');
  await until(async () => (await before.deadLetters()).length === 1, 'the dead letter');

  const folder = join(before.folder, 'backup');
  const writing = { stopped: false, written: 0 };
  const writer = (async () => {
    while (!writing.stopped) {
      const voterId = `late${writing.written++}`;
      assert.equal((await post(`${urls.ranking}/votes/20/like`, { voterId })).status, 200);
    }
  })();
  await until(() => writing.written > 5, 'writes');
  // Set last, so that it does not become due before it is saved.
  const remindAt = new Date(Date.now() + 4000).toISOString();
  assert.equal((await post(`${urls.reminder}/reminder/ann/3`, { remindAt })).status, 201);
  await backup(before.link.nc, folder);
  const behind = (await (await before.streams()).streams.info('VOTES')).state.last_seq;
  writing.stopped = true;
  await writer;
  const expected = await answersOf(urls, ticket.ticketId);

  // Restore into a system whose services already run on empty streams.
  await using after = await startSystem();
  const restored = await startAll(after);
  const { streams } = await restore(after.link.nc, folder, one);
  const votes = streams.find(({ name }) => name === 'VOTES');
  assert.ok((votes?.lastSequence ?? 0) >= sequence, 'the backup contains everything acknowledged before it');
  await until(async () => (await get(`${restored.ranking}/votes/20`)).status === 200, 'the views');
  const jsm = await after.streams();
  // The broker reports the state before it begins the snapshot, which may contain later messages as well.
  const { last_seq: last } = (await jsm.streams.info('VOTES')).state;
  assert.ok(
    last >= (votes?.lastSequence ?? Number.NaN) && last <= behind,
    `${votes?.lastSequence} … ${last} … ${behind}`,
  );

  type Answers = {
    path: string;
    etag: unknown;
    body: { items?: { movieId: number; due?: boolean; dueAt?: string }[] };
  }[];
  /** Removes what may have changed after the backup: likes of one movie, and whether the reminder is due. */
  const withoutLate = (answers: unknown): unknown =>
    (answers as Answers)
      .filter(({ path }) => !path.startsWith('/ranking'))
      .map((answer) => {
        const { items = [] } = answer.body;
        if (answer.path === '/votes') return { ...answer, body: items.filter(({ movieId }) => movieId !== 20) };
        if (answer.path !== '/reminder') return answer;
        return { ...answer, etag: null, body: items.map(({ due: _, dueAt: __, ...item }) => item) };
      });
  await until(async () => {
    assert.deepEqual(withoutLate(await answersOf(restored, ticket.ticketId)), withoutLate(expected));
    return true;
  }, 'the same answers');
  assert.equal((await after.deadLetters()).length, 1, 'a dead letter is not made again');
  await until(async () => {
    const { body } = await get<{ items: { due: boolean }[] }>(`${restored.reminder}/reminder/ann`);
    return body.items[0]?.due;
  }, 'the reminder to become due in the restored system');
  // Revisions continue from those in the backup.
  const headers = { 'if-match': '"1"' };
  assert.equal((await put(`${restored.movies}/movies/1`, { title: 'Old' }, headers)).status, 412);
  const again = await post<{ revision: number }>(`${restored.movies}/movies`, { movieId: 99, title: 'New' });
  assert.equal(again.status, 201);
  assert.equal((await jsm.streams.info('CATALOGUE')).state.last_seq, again.body.revision);
});

test.concurrent('restore refuses a damaged backup, or to replace messages, before it changes anything', async () => {
  await using system = await startSystem();
  await system.publish('votes.hub.1', { voterId: 'ann', liked: true });
  const folder = join(system.folder, 'backup');
  await backup(system.link.nc, folder);
  await assert.rejects(backup(system.link.nc, folder), /is not empty/);
  await assert.rejects(restore(system.link.nc, folder, one), /the messages of .*VOTES.*--force/);

  await using empty = await startSystem();
  appendFileSync(join(folder, 'VOTES.snapshot'), 'x');
  await assert.rejects(restore(empty.link.nc, folder, one), /VOTES\.snapshot is damaged.*Nothing was restored/);
  const half = join(system.folder, 'half');
  mkdirSync(half);
  await assert.rejects(restore(empty.link.nc, half, one), /half has no manifest\.json/);
  writeFileSync(join(half, 'manifest.json'), '{"format":2}');
  await assert.rejects(restore(empty.link.nc, half, one), /is not the manifest of a backup/);
  const jsm = await empty.streams();
  assert.equal((await jsm.streams.info('VOTES')).state.messages, 0);
});

test.concurrent('a restore that fails part-way reports it and leaves no incomplete stream', async () => {
  await using system = await startSystem();
  await system.publish('votes.hub.1', { voterId: 'ann', liked: true });
  const folder = join(system.folder, 'backup');
  const { streams, ...about } = await backup(system.link.nc, folder);
  const file = join(folder, 'VOTES.snapshot');
  const whole = readFileSync(file);
  const giveManifest = (snapshot: Buffer): void => {
    writeFileSync(file, snapshot);
    const sha256 = createHash('sha256').update(snapshot).digest('hex');
    const of = streams.map((one) => (one.name === 'VOTES' ? { ...one, sha256, bytes: snapshot.length } : one));
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ ...about, streams: of }));
  };
  giveManifest(whole.subarray(0, whole.length / 2));
  const again = { force: true };
  await assert.rejects(
    restore(system.link.nc, folder, one, again),
    /restoring VOTES: .*\. Not all streams were restored: .*--force/,
  );
  const jsm = await system.streams();
  await assert.rejects(jsm.streams.info('VOTES'), /stream not found/);
  giveManifest(whole);
  await restore(system.link.nc, folder, one, again);
  assert.equal((await jsm.streams.info('VOTES')).state.messages, 1);
});

test.concurrent('after a restore over newer messages, views no longer show what is gone', async () => {
  await using system = await startSystem();
  const [ranking, movies] = await system.start('ranking', 'movies');
  assert.equal((await post(`${movies.url}/movies`, { movieId: 1, title: 'Alien' })).status, 201);
  await until(async () => (await get(`${ranking.url}/votes/1`)).status === 200, 'movie 1 in ranking');
  await post(`${ranking.url}/votes/1/like`, { voterId: 'ann' });
  const folder = join(system.folder, 'backup');
  await backup(system.link.nc, folder);
  await post(`${ranking.url}/votes/1/like`, { voterId: 'bob' });
  await ranking.stop();
  await restore(system.link.nc, folder, one, { force: true });
  // The stopped view has applied as many messages as the stream now has, but different ones.
  await system.publish('votes.hub.1', { voterId: 'eve', liked: true });
  const again = await system.startReplica('ranking', { DATA_DIR: ranking.dataDir });
  const likedBy = async (voterId: string): Promise<unknown> =>
    (await get(`${again.url}/votes/1?voterId=${voterId}`)).body.liked;
  await until(async () => (await likedBy('eve')) === true, 'the vote after the restore');
  assert.equal(await likedBy('bob'), false);
  assert.equal(await likedBy('ann'), true);
});
