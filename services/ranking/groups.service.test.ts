import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import { createToken } from '../../shared/operations/create-token.ts';
import { del, get, post, type Replica, type System, startSystem, until } from '../../tests/harness.ts';
import { movies } from '../movies/contract.ts';
import { randomOf } from '../movies/testing.ts';
import { ranking } from './contract.ts';

const secret = 'a secret of at least thirty-two characters';
const films = 40;
const of = 4;

let system: System;
/** Replicas by the part that they keep. */
let groups: Replica[];
/** A replica that is not partitioned. */
let whole: Replica;

const access = { ...{ jwksUrl: undefined, issuer: undefined, audience: undefined, clockToleranceS: 0 }, secret };
const tokenOf = (userId: string) => createToken({ access }, { userId, roles: [], expiresIn: '1h' });
const group = (number: number): Promise<Replica> =>
  system.startReplica('ranking', {
    RANKING_PARTITIONS: `${of}`,
    RANKING_PARTITION: `${number}`,
    JWT_SECRET: secret,
  });

beforeAll(async () => {
  system = await startSystem();
  await system.start('movies');
  whole = await system.startReplica('ranking', { JWT_SECRET: secret });
  groups = await Promise.all([0, 1, 2, 3].map(group));
  await Promise.all([whole, ...groups].map(({ ready }) => ready));
  const random = randomOf(5);
  const made = Array.from({ length: films }, (_, index) => ({
    movieId: index + 1,
    title: random.pick(['Alien', 'Élan', '\u{1f3ac}', '\uffe5', 'a b']),
    genres: random.pick([['Drama'], ['War'], ['Drama', 'War'], []]),
    rating: random.int(3),
    year: 1950 + index,
  }));
  await system.caller.ask(movies.import, { movies: made }, { timeoutMs: 20_000 });
  await until(async () => (await listed(whole)).length === films, 'all movies without partitions');
  await until(async () => (await listed(first())).length === films, 'all movies from the groups');
});
afterAll(() => system[Symbol.asyncDispose]());

const first = (): Replica => groups[0] as Replica;
const any = (n: number): Replica => groups[n % of] as Replica;
const listed = async ({ url }: Replica) => (await get<{ items: unknown[] }>(`${url}/votes?limit=500`)).body.items;
const headersOf = async (userId: string) => ({ authorization: `Bearer ${await tokenOf(userId)}` });

/** Returns all pages of a list. */
async function walk({ url }: Replica, path: string, headers: Record<string, string> = {}): Promise<unknown[]> {
  const pages: unknown[] = [];
  for (let next: string | null = ''; next !== null; ) {
    const cursor: string = next && `&cursor=${next}`;
    const { status, body } = await get<{ next: string | null }>(`${url}${path}${cursor}`, headers);
    assert.equal(status, 200, path);
    pages.push(body);
    next = body.next;
  }
  return pages;
}

test('counts likes once at any group, and returns the same lists as without partitions', async () => {
  const random = randomOf(9);
  let position = '';
  for (let round = 0; round < 4; round++) {
    const likes = Array.from({ length: 60 }, async (_, n) => {
      const headers = await headersOf(`viewer-${random.int(12)}`);
      const url = `${any(n).url}/votes/${1 + random.int(films)}/like`;
      return random.int(4) > 0 ? post<{ likes: number }>(url, {}, headers) : del<{ likes: number }>(url, headers);
    });
    for (const { status, headers } of await Promise.all(likes)) {
      assert.equal(status, 200);
      const given = headers.get('marquee-position') ?? '';
      if (Number(given.split(':')[1]) > Number(position.split(':')[1] ?? 0)) position = given;
    }
    const seen = { 'marquee-position': position };
    const paths = ['/votes?limit=7', '/ranking?by=likes&limit=7', '/ranking/genre/war?by=trending&limit=3'];
    for (const path of [...paths, '/ranking?by=trending&limit=500', '/ranking/genre/drama?by=rating&limit=4']) {
      const expected = await walk(whole, path, seen);
      for (const replica of groups) assert.deepEqual(await walk(replica, path, seen), expected, path);
    }
  }
});

test('checks the voter when a vote is forwarded to the group that keeps the movie', async () => {
  for (let n = 0; n < of; n++) {
    const { url } = any(n);
    const headers = await headersOf('ann');
    const { status, body } = await post<{ liked: boolean }>(`${url}/votes/3/like`, {}, headers);
    assert.deepEqual([status, body.liked], [200, true]);
    assert.equal((await get<{ liked: boolean }>(`${url}/votes/3`, headers)).body.liked, true);
    assert.equal((await post(`${url}/votes/3/like`, { voterId: 'ann' })).status, 401);
    assert.equal((await post(`${url}/votes/3/like`, { voterId: 'ann' }, await headersOf('eve'))).status, 403);
    assert.equal((await post(`${url}/votes/${films + 1 + n}/like`, {}, headers)).status, 404);
  }
});

test('refuses a key for a movie of one group after its use for a movie of another', async () => {
  const headers = { ...(await headersOf('bob')), 'idempotency-key': 'once' };
  const given = await post(`${any(0).url}/votes/1/like`, {}, headers);
  assert.equal(given.status, 200);
  const position = given.headers.get('marquee-position') ?? '';
  for (const movieId of [2, 3, 4]) {
    const again = await post(`${any(1).url}/votes/${movieId}/like`, {}, { ...headers, 'marquee-position': position });
    assert.equal(again.status, 422, `movie ${movieId}`);
  }
});

test('returns likes of movies from several groups in the order of the request', async () => {
  const movieIds = [9, 2, films + 5, 4, 7, 2, 1];
  const asked = await Promise.all(
    [undefined, '0-of-4', '3-of-4'].map((group) =>
      system.caller.ask(ranking.likesOf, { movieIds }, { timeoutMs: 20_000, group }),
    ),
  );
  const expected = await Promise.all(
    movieIds.map(async (movieId) => {
      const { status, body } = await get<{ likes: number }>(`${whole.url}/votes/${movieId}`);
      return status === 404 ? null : body.likes;
    }),
  );
  for (const { likes } of asked) assert.deepEqual(likes, expected);
});

test('answers 400 for invalid input at the group that receives it', async () => {
  for (const path of ['/ranking?cursor=x', '/votes?cursor=x', '/votes?limit=0', '/ranking?by=luck']) {
    assert.equal((await get(`${first().url}${path}`)).status, 400, path);
  }
});

test('answers 503 for lists and the affected movies when a group is missing, and serves the others', async () => {
  const [, second] = groups as [Replica, Replica];
  await second.stop();
  const headers = await headersOf('eve');
  assert.equal((await post(`${first().url}/votes/4/like`, {}, headers)).status, 200);
  assert.equal((await post(`${first().url}/votes/5/like`, {}, headers)).status, 503);
  assert.equal((await get(`${first().url}/ranking`)).status, 503);
  const third = await group(2);
  assert.equal((await get(`${third.url}/readyz`)).status, 503);
  groups[1] = await system.startReplica('ranking', {
    RANKING_PARTITIONS: `${of}`,
    RANKING_PARTITION: '1',
    JWT_SECRET: secret,
    DATA_DIR: second.dataDir,
  });
  await Promise.all([groups[1].ready, third.ready]);
  assert.equal((await get(`${third.url}/readyz`)).status, 200);
  assert.equal((await get(`${first().url}/ranking`)).status, 200);
});
