import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { del, get, post, type Replica, type System, startSystem, until } from '../../tests/harness.ts';
import { movies } from '../movies/contract.ts';
import { ranking } from './contract.ts';

interface Ranked {
  rank: number;
  movieId: number;
  title: string;
  likes: number;
  rating: number | null;
}
interface Page {
  items: Ranked[];
  next: string | null;
}
interface Problem {
  fields: { field: string }[];
}

let system: System;
let replica: Replica;
let catalogue: Replica;
let url: string;

const films = [
  { movieId: 1, title: 'Alien', genres: ['Horror', 'Science Fiction'], rating: 8.5, votes: 900_000 },
  { movieId: 2, title: 'Brazil', genres: ['Comédie'], rating: 7.9, votes: 200_000 },
  { movieId: 3, title: 'Casablanca', genres: ['Drama'], rating: 8.5, votes: 600_000 },
  { movieId: 4, title: 'Dune', genres: ['science fiction'], rating: 10, votes: 2 },
  { movieId: 5, title: 'Élan', genres: ['Drama'] },
];

beforeAll(async () => {
  system = await startSystem();
  [replica, catalogue] = await system.start('ranking', 'movies');
  ({ url } = replica);
  await system.caller.ask(movies.import, { movies: films }, { timeoutMs: 20_000 });
  await until(async () => (await get<Page>(`${url}/ranking`)).body.items.length === films.length, 'the movies');
});
afterAll(() => system[Symbol.asyncDispose]());

const page = async (path: string) => (await get<Page>(`${url}${path}`)).body;
const ids = async (path: string) => (await page(path)).items.map(({ movieId }) => movieId);
const like = async (movieId: number, voterId: string) =>
  assert.equal((await post(`${url}/votes/${movieId}/like`, { voterId })).status, 200);
const unlike = async (movieId: number, voterId: string) =>
  assert.equal((await del(`${url}/votes/${movieId}/like?voterId=${voterId}`)).status, 200);
const likesOf = async (movieId: number) => (await get<Ranked>(`${url}/votes/${movieId}`)).body.likes;

/** Adds a movie and waits until ranking shows it. */
async function addMovie(movieId: number): Promise<void> {
  await system.caller.ask(movies.add, { movieId, title: `Film ${movieId}` }, { timeoutMs: 20_000 });
  await until(async () => (await get(`${url}/votes/${movieId}`)).status === 200, `movie ${movieId}`);
}

test('ranks movies by likes, by trend and by rating', async () => {
  assert.deepEqual(await ids('/ranking'), [4, 1, 3, 2, 5], 'without likes, by rating and then by title');
  assert.deepEqual(await ids('/ranking?by=rating'), [1, 3, 2, 4, 5]);
  for (const voter of ['ann', 'bob']) await like(5, voter);
  await like(2, 'ann');
  for (const path of ['/ranking', '/ranking?by=likes', '/ranking?by=trending']) {
    assert.deepEqual(await ids(path), [5, 2, 4, 1, 3], path);
  }
  assert.deepEqual(await ids('/ranking?by=rating'), [1, 3, 2, 4, 5]);
  assert.deepEqual((await page('/ranking?limit=2')).items, [
    { rank: 1, movieId: 5, title: 'Élan', likes: 2, rating: null },
    { rank: 2, movieId: 2, title: 'Brazil', likes: 1, rating: 7.9 },
  ]);
  for (const voter of ['ann', 'bob']) await unlike(5, voter);
  await unlike(2, 'ann');
  assert.deepEqual(await ids('/ranking?by=trending'), [4, 1, 3, 2, 5]);
});

test('finds a genre regardless of case and accents, at the old path too', async () => {
  for (const path of ['genre', 'gender']) {
    for (const genre of ['Science Fiction', 'SCIENCE%20fiction', 'science%20fiction']) {
      assert.deepEqual(await ids(`/ranking/${path}/${genre}`), [4, 1], `${path} ${genre}`);
    }
    for (const genre of ['comedie', 'COM%C3%89DIE']) assert.deepEqual(await ids(`/ranking/${path}/${genre}`), [2]);
    assert.deepEqual(await page(`/ranking/${path}/Western`), { items: [], next: null });
    assert.deepEqual(await ids(`/ranking/${path}/science%20fiction?by=rating`), [1, 4]);
  }
});

test('continues the ranks across pages', async () => {
  for (const list of ['/ranking?', '/ranking?by=trending&', '/ranking?by=rating&', '/ranking/genre/drama?']) {
    const all = await page(`${list}limit=500`);
    const found: Ranked[] = [];
    for (let next: string | null = ''; next !== null; ) {
      const more: Page = await page(`${list}limit=1${next && `&cursor=${next}`}`);
      found.push(...more.items);
      ({ next } = more);
    }
    assert.deepEqual(found, all.items, list);
    assert.deepEqual(
      found.map(({ rank }) => rank),
      found.map((_, index) => index + 1),
    );
  }
});

test('answers 400 with the name of the field for invalid input', async () => {
  const { next } = await page('/ranking?limit=1');
  const { next: ofVotes } = await page('/votes?limit=1');
  const refused: [string, string][] = [
    [`/ranking?by=trending&cursor=${next}`, 'cursor'],
    [`/ranking/genre/drama?cursor=${next}`, 'cursor'],
    [`/votes?cursor=${next}`, 'cursor'],
    [`/ranking?cursor=${ofVotes}`, 'cursor'],
    ['/ranking?cursor=made-up', 'cursor'],
    ['/ranking?by=fame', 'by'],
    ['/ranking?limit=0', 'limit'],
    ['/ranking?limit=501', 'limit'],
    ['/ranking?limit=many', 'limit'],
    [`/ranking/genre/${'x'.repeat(41)}`, 'genre'],
    ['/ranking/genre/%20', 'genre'],
    ['/votes?limit=-1', 'limit'],
    ['/votes/none', 'movieId'],
  ];
  for (const [path, field] of refused) {
    const { status, body } = await get<Problem>(`${url}${path}`);
    assert.deepEqual([status, body.fields?.map((one) => one.field)], [400, [field]], path);
  }
});

test('shows a new like at once on a page that was cached', async () => {
  const paths = ['/ranking', '/ranking?by=trending', '/ranking?by=rating', '/ranking/genre/drama', '/votes'];
  const shown = async () =>
    Promise.all(paths.map(async (path) => (await page(path)).items.find(({ movieId }) => movieId === 3)?.likes));
  const before = await likesOf(3);
  for (let count = 1; count <= 10; count++) {
    await shown();
    await like(3, `fan${count}`);
    assert.deepEqual(await shown(), Array(paths.length).fill(before + count));
    assert.equal(await likesOf(3), before + count);
  }
  await shown();
  await unlike(3, 'fan1');
  assert.deepEqual(await shown(), Array(paths.length).fill(before + 9));
});

test('returns the likes of several movies in request order, null for an unknown one', async () => {
  const ask = (movieIds: number[]) => system.caller.ask(ranking.likesOf, { movieIds }, { timeoutMs: 20_000 });
  const known = [await likesOf(5), await likesOf(2)];
  assert.deepEqual(await ask([5, 900_000, 2, 5]), { likes: [known[0], null, known[1], known[0]] });
  for (const bad of [[], [0], Array.from({ length: 501 }, () => 1)]) {
    await assert.rejects(ask(bad), { code: 'invalid' });
  }
  assert.equal((await get(`${url}/votes/likes`)).status, 400, 'likesOf has no HTTP route');
});

test('supports the requests of old clients', async () => {
  await addMovie(10);
  const liked = await fetch(`${url}/votes/10/like`, { method: 'POST' });
  assert.deepEqual([liked.status, await liked.json()], [200, { movieId: 10, likes: 1, liked: true }]);
  assert.deepEqual((await get(`${url}/votes/10`)).body, { movieId: 10, likes: 1, liked: null });
  const all = (await page('/votes')).items;
  assert.deepEqual(all.at(-1), { movieId: 10, title: 'Film 10', likes: 1 });
  assert.equal(all.length, films.length + 1);
  assert.equal((await get(`${url}/votes/999`)).status, 404);
});

test('counts votes that were published with the nats command line', async () => {
  await addMovie(11);
  const { nc } = system.link;
  const counts = (likes: number) => until(async () => (await likesOf(11)) === likes, `${likes} likes`);
  nc.publish('votes.hub.11', '{"voterId":"alice","liked":true}');
  await counts(1);
  nc.publish('votes.hub.11', '{"voterId":"alice","liked":true}');
  nc.publish(
    'votes.hub.batch',
    '[{"movieId":11,"voterId":"bob","liked":true},{"movieId":11,"voterId":"eve","liked":true}]',
  );
  await counts(3);
  assert.equal((await get(`${url}/votes/11?voterId=alice`)).body.liked, true);
  nc.publish('votes.hub.11', '{"voterId":"alice","liked":false}');
  await counts(2);
  const asked = await nc.request('ranking.like', '{"movieId":11,"voterId":"alice"}', { timeout: 20_000 });
  assert.deepEqual(asked.json(), { movieId: 11, likes: 3, liked: true });
});

test('dead-letters an invalid message and applies the next one', async () => {
  await addMovie(12);
  const broken: [string, unknown][] = [
    ['votes.hub.none', { voterId: 'ann', liked: true }],
    ['votes.hub.0', { voterId: 'ann', liked: true }],
    ['votes.hub.12', { voterId: '', liked: true }],
    ['votes.hub.12', { voterId: 'ann' }],
    ['votes.hub.batch', []],
    ['votes.hub.12.more', { voterId: 'ann', liked: true }],
    ['votes.hub.12', 'no JSON'],
  ];
  for (const [subject, data] of broken) await system.publish(subject, data);
  await system.publish('votes.hub.12', { voterId: 'x'.repeat(256), liked: true });
  await system.publish('votes.hub.12', { voterId: 'bob', liked: true });
  await until(async () => (await likesOf(12)) === 1, 'the valid vote');
  const letters = broken.length + 1;
  await until(async () => (await system.deadLetters()).length === letters, 'the dead letters');
  assert.equal(await likesOf(12), 1);
});

test('works while movies is stopped, and starts a new replica', async () => {
  await catalogue.stop();
  await like(2, 'alone');
  assert.equal((await page('/ranking')).items.find(({ movieId }) => movieId === 2)?.likes, 1);
  assert.equal((await post(`${url}/votes/999/like`, { voterId: 'alone' })).status, 404);
  const other = await system.startReplica('ranking');
  await other.ready;
  assert.deepEqual((await get<Page>(`${other.url}/ranking`)).body, await page('/ranking'));
  const { items } = await system.caller.ask(ranking.votes, { limit: 1 }, { timeoutMs: 20_000 });
  assert.equal(items[0]?.title, 'Alien');
  await other.stop();
});

test('rebuilds the same view after it was deleted', async () => {
  const lists = () => Promise.all(['/votes', '/ranking', '/ranking?by=trending', '/ranking?by=rating'].map(page));
  const before = await lists();
  const { dataDir } = replica;
  await replica.stop();
  await rm(join(dataDir, 'views'), { recursive: true });
  const again = await system.startReplica('ranking', { DATA_DIR: dataDir });
  await again.ready;
  ({ url } = again);
  assert.deepEqual(await lists(), before);
});
