import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import type { OutgoingMessage } from '../../shared/broker/event-codec.ts';
import { Publisher } from '../../shared/broker/publisher.ts';
import { createToken } from '../../shared/operations/create-token.ts';
import { del, get, post, type Replica, type Reply, type System, startSystem, until } from '../../tests/harness.ts';
import { holdBack, startApart } from '../../tests/late-replica.ts';
import { movies } from '../movies/contract.ts';
import { VoteBatcher } from './commands.ts';

type Vote = { movieId: number; likes: number; liked: boolean | null };

let system: System;
let replicas: Replica[];
let url: string;
/** Each test adds its own movies. */
let lastMovie = 0;

beforeAll(async () => {
  system = await startSystem();
  const [first, second] = await system.start('ranking', 'ranking', 'movies');
  replicas = [first, second];
  ({ url } = first);
});
afterAll(() => system[Symbol.asyncDispose]());

async function addMovie(): Promise<number> {
  const movieId = ++lastMovie;
  await system.caller.ask(movies.add, { movieId, title: `Film ${movieId}` }, { timeoutMs: 20_000 });
  return movieId;
}

/** Adds a movie and waits until every replica shows it. */
async function newMovie(): Promise<number> {
  const movieId = await addMovie();
  await everywhere(movieId, 0);
  return movieId;
}

const like = (movieId: number, body: object = {}, headers: Record<string, string> = {}, at = url) =>
  post<Vote>(`${at}/votes/${movieId}/like`, body, headers);
const unlike = (movieId: number, query = '', headers: Record<string, string> = {}) =>
  del<Vote>(`${url}/votes/${movieId}/like${query}`, headers);
const votes = async (movieId: number, query = '') => (await get<Vote>(`${url}/votes/${movieId}${query}`)).body;

/** Runs `one` `count` times concurrently. */
const atOnce = <T>(count: number, one: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => one(index)));

/** Waits until every replica shows the given number of likes. */
async function everywhere(movieId: number, likes: number): Promise<void> {
  for (const replica of replicas) {
    const count = async () => (await get<Vote>(`${replica.url}/votes/${movieId}`)).body.likes;
    await until(async () => (await count()) === likes, `${likes} likes of movie ${movieId}`);
  }
}

/** Asserts that all votes succeeded and that their responses show the requested state. */
function assertVoted(replies: Reply<Vote>[], liked: boolean): void {
  for (const { status, body } of replies) assert.deepEqual([status, body.liked], [200, liked]);
}

test('counts a like once when repeated, and removes it when taken back', async () => {
  const movieId = await newMovie();
  assert.deepEqual(await votes(movieId, '?voterId=ann').then(({ liked, likes }) => [liked, likes]), [false, 0]);
  for (let repeat = 0; repeat < 3; repeat++) {
    const { status, body } = await like(movieId, { voterId: 'ann' });
    assert.deepEqual([status, body], [200, { movieId, likes: 1, liked: true }]);
  }
  assert.deepEqual(await votes(movieId, '?voterId=ann'), { movieId, likes: 1, liked: true });
  assert.deepEqual(await votes(movieId), { movieId, likes: 1, liked: null });
  assert.equal((await like(movieId, { voterId: 'bob' })).body.likes, 2);
  for (let repeat = 0; repeat < 3; repeat++) {
    assert.deepEqual((await unlike(movieId, '?voterId=ann')).body, { movieId, likes: 1, liked: false });
  }
  assert.equal((await like(movieId, { voterId: 'ann' })).body.likes, 2);
});

test('counts 50 concurrent likes of one viewer at two replicas as one', async () => {
  const movieId = await newMovie();
  assertVoted(await atOnce(50, (n) => like(movieId, { voterId: 'ann' }, {}, replicas[n % 2]?.url)), true);
  await everywhere(movieId, 1);
  assertVoted(await atOnce(50, () => unlike(movieId, '?voterId=ann')), false);
  await everywhere(movieId, 0);
});

test('counts 100 likes when 100 viewers like twice concurrently', async () => {
  const movieId = await newMovie();
  const replies = await atOnce(200, (n) => like(movieId, { voterId: `v${n % 100}` }, {}, replicas[n % 2]?.url));
  assertVoted(replies, true);
  await everywhere(movieId, 100);
  assert.ok(
    replies.every(({ body }) => body.likes >= 1),
    'each response includes its own like',
  );
});

/** Creates a batcher that publishes without waiting for a view. */
function newVoteBatcher(): VoteBatcher {
  const publisher = new Publisher(system.connection);
  const store = async (message: OutgoingMessage) => ({
    published: await publisher.publish(message),
    visible: async () => true,
  });
  return new VoteBatcher({ site: 'hub', store });
}

test('counts the last vote when a like and an unlike are batched together', async () => {
  const movieId = await newMovie();
  const batcher = newVoteBatcher();
  for (const liked of [true, false, true]) {
    await Promise.all([!liked, liked].map((state) => batcher.cast({ movieId, voterId: 'ann', liked: state })));
    await everywhere(movieId, liked ? 1 : 0);
  }
});

test('stores up to 1000 concurrent votes as one message', async () => {
  const movieId = await newMovie();
  const batcher = newVoteBatcher();
  const stored = await atOnce(1001, (n) => batcher.cast({ movieId, voterId: `v${n}`, liked: true }));
  assert.equal(new Set(stored.map(({ published }) => published.sequence)).size, 2);
  await everywhere(movieId, 1001);
});

test('counts each call once when there is no viewer', async () => {
  const movieId = await newMovie();
  const replies = await atOnce(20, () => like(movieId));
  assertVoted(replies, true);
  await everywhere(movieId, 20);
  // Clients of the original sample application send no body.
  const { status } = await fetch(`${url}/votes/${movieId}/like`, { method: 'POST' });
  assert.equal(status, 200);
  await everywhere(movieId, 21);
});

test('counts an Idempotency-Key once at two replicas, and takes its like back', async () => {
  const movieId = await newMovie();
  const key = (name: string) => ({ 'idempotency-key': name });
  assertVoted(await atOnce(30, (n) => like(movieId, {}, key('one of "these"'), replicas[n % 2]?.url)), true);
  await everywhere(movieId, 1);
  await like(movieId, {}, key('another'), replicas[1]?.url);
  await everywhere(movieId, 2);
  assert.equal((await unlike(movieId, '', key('one of "these"'))).body.likes, 1);
  const { body } = await like(movieId, { idempotencyKey: 'in the body' });
  assert.equal(body.likes, 2);
});

test('refuses a key for another movie or viewer, at a new replica too', async () => {
  const [first, second] = [await newMovie(), await newMovie()];
  const key = (name: string) => ({ 'idempotency-key': name });
  const refused = ({ status, body }: Reply<unknown>): void =>
    assert.deepEqual([status, (body as { code: string }).code], [422, 'idempotency_key_reused']);
  assert.equal((await like(first, {}, key('anonymous'))).status, 200);
  assert.equal((await like(first, { voterId: 'ann' }, key("ann's"))).status, 200);
  const [fresh] = await system.start('ranking');
  for (const at of [url, replicas[1]?.url, fresh.url]) {
    refused(await like(second, {}, key('anonymous'), at));
    refused(await like(second, { voterId: 'ann' }, key("ann's"), at));
    refused(await like(first, { voterId: 'bob' }, key("ann's"), at));
    assert.equal((await like(first, { voterId: 'ann' }, key("ann's"), at)).status, 200);
  }
  refused(await unlike(second, '?voterId=ann', key("ann's")));
  // Keys are scoped to the caller.
  assert.equal((await like(second, {}, { ...key("ann's"), 'x-user-id': 'eve' })).status, 200);
  const reply = await system.link.nc.request(
    'ranking.like',
    JSON.stringify({ movieId: second, voterId: 'bob', idempotencyKey: "ann's" }),
    { timeout: 20_000 },
  );
  assert.equal(reply.headers?.get('Nats-Service-Error-Code'), '422');
  await everywhere(first, 2);
  await everywhere(second, 1);
});

test('counts one of two votes that use the same key at two replicas concurrently', async () => {
  for (let round = 0; round < 10; round++) {
    const movieIds = [await newMovie(), await newMovie()];
    const replies = await Promise.all(
      movieIds.map((movieId, n) => like(movieId, {}, { 'idempotency-key': `race ${round}` }, replicas[n]?.url)),
    );
    assert.deepEqual(replies.map(({ status }) => status).sort(), [200, 422]);
    const counted = await Promise.all(movieIds.map(async (movieId) => (await votes(movieId)).likes));
    assert.deepEqual(
      counted,
      replies.map(({ status }) => (status === 200 ? 1 : 0)),
    );
  }
});

test('answers "outcome unknown" for a vote with a key when the replica is behind', async () => {
  const [first, second] = [await newMovie(), await newMovie()];
  const late = await startApart(system, 'ranking', { REQUEST_TIMEOUT_MS: '500' });
  const vote = (movieId: number, at: string) => like(movieId, {}, { 'idempotency-key': 'late' }, at);
  {
    using _ = holdBack(late);
    assert.equal((await vote(first, url)).status, 200);
    // On a slow machine, the deadline may pass before the vote is sent.
    await until(async () => {
      const { status, body } = await vote(second, late.url);
      assert.equal(status, 503);
      return (body as { outcome?: string }).outcome === 'unknown';
    }, 'the vote to be stored but not visible');
  }
  await until(async () => (await vote(second, late.url)).status === 422, 'the view to show the first use');
  await everywhere(second, 0);
});

test('counts a viewer once when the likes have different keys', async () => {
  const movieId = await newMovie();
  for (const key of ['a', 'b']) await like(movieId, { voterId: 'ann' }, { 'idempotency-key': key });
  assert.equal((await votes(movieId)).likes, 1);
});

test('takes the viewer from X-User-Id when tokens are not required', async () => {
  const movieId = await newMovie();
  const { body } = await like(movieId, {}, { 'x-user-id': 'ann' });
  assert.deepEqual(body, { movieId, likes: 1, liked: true });
  assert.equal((await like(movieId, { voterId: 'ann' })).body.likes, 1);
  assert.equal((await unlike(movieId, '', { 'x-user-id': 'ann' })).body.likes, 0);
});

test('answers 404 for an unknown movie, and 200 for one that was just added', async () => {
  for (const reply of [await like(999_999, { voterId: 'ann' }), await unlike(999_999, '?voterId=ann')]) {
    assert.equal(reply.status, 404);
  }
  assert.equal((await get(`${url}/votes/999999`)).status, 404);
  for (let n = 0; n < 20; n++) {
    const movieId = await addMovie();
    assert.equal((await like(movieId, { voterId: 'ann' }, {}, replicas[n % 2]?.url)).status, 200, `movie ${movieId}`);
  }
  const gone = await newMovie();
  await system.caller.ask(movies.remove, { movieId: gone }, { timeoutMs: 20_000 });
  await until(async () => (await like(gone, { voterId: 'ann' })).status === 404, 'the movie to be removed');
});

test('accepts a like for a movie that the view has not read yet', async () => {
  const known = await newMovie();
  const { url: at, program } = await system.spawn('ranking', 'node', { REQUEST_TIMEOUT_MS: '20000' });
  await until(async () => (await get(`${at}/votes/${known}`)).status === 200, 'the replica');
  // The replica is stopped while the like is in its socket. Meanwhile the stream gets more messages than the replica
  // reads in one batch, and then the movie.
  await program.signal('SIGSTOP');
  const liked = like(11_000, { voterId: 'ann' }, {}, at);
  const { nc } = system.link;
  const many = JSON.stringify({ title: 'Many', padding: 'x'.repeat(4900) });
  for (let movieId = 10_000; movieId < 11_000; movieId++) nc.publish(`catalogue.hub.movie.${movieId}`, many);
  await system.publish('catalogue.hub.movie.11000', { title: 'The last' });
  await program.signal('SIGCONT');
  assert.equal((await liked).status, 200);
});

test('answers 400 with the name of the field for invalid input', async () => {
  const movieId = await newMovie();
  type Problem = { fields: { field: string }[] };
  const names = ({ status, body }: Reply<unknown>) => [status, (body as Problem).fields.map(({ field }) => field)];
  for (const voterId of ['', 'x'.repeat(256), '\ud800', 5, null, {}]) {
    assert.deepEqual(names(await like(movieId, { voterId })), [400, ['voterId']], JSON.stringify(voterId));
  }
  assert.deepEqual(names(await unlike(movieId, '?voterId=')), [400, ['voterId']]);
  assert.deepEqual(names(await unlike(movieId)), [400, ['voterId']]);
  assert.deepEqual(names(await get(`${url}/votes/${movieId}?voterId=%ff`)), [400, ['URL']]);
  const long = { 'idempotency-key': 'x'.repeat(201) };
  assert.deepEqual(names(await like(movieId, {}, long)), [400, ['idempotencyKey']]);
  for (const id of ['abc', '0', '-1', '2147483648', '1.5']) {
    assert.deepEqual(names(await post(`${url}/votes/${id}/like`, { voterId: 'ann' })), [400, ['movieId']], id);
  }
  assert.equal((await votes(movieId)).likes, 0);
});

test('lets callers cast and read only their own votes when tokens are required', async () => {
  const movieId = await newMovie();
  const secret = 'a secret of at least thirty-two characters';
  const guarded = await system.startReplica('ranking', { JWT_SECRET: secret });
  await guarded.ready;
  const bearer = async (userId: string, ...roles: string[]) => {
    const config = system.config({ JWT_SECRET: secret });
    return { authorization: `Bearer ${await createToken(config, { userId, roles, expiresIn: '1h' })}` };
  };
  const path = `${guarded.url}/votes/${movieId}`;
  const [ann, bob, root] = [await bearer('ann'), await bearer('bob'), await bearer('root', 'admin')];
  assert.deepEqual((await post<Vote>(`${path}/like`, {}, ann)).body, { movieId, likes: 1, liked: true });
  assert.equal((await post<Vote>(`${path}/like`, { voterId: 'ann' }, ann)).body.likes, 1);
  for (const [headers, status] of [
    [bob, 403],
    [await bearer('robin', 'agent'), 403],
    [{}, 401],
    [{ 'x-user-id': 'ann' }, 401],
  ] as [Record<string, string>, number][]) {
    assert.equal((await post(`${path}/like`, { voterId: 'ann' }, headers)).status, status);
    assert.equal((await del(`${path}/like?voterId=ann`, headers)).status, status);
    assert.equal((await get(`${path}?voterId=ann`, headers)).status, status);
  }
  assert.equal((await get<Vote>(path, ann)).body.liked, true);
  assert.equal((await get<Vote>(path, bob)).body.liked, false);
  assert.equal((await get<Vote>(path)).body.liked, null);
  assert.equal((await del<Vote>(`${path}/like?voterId=ann`, root)).body.likes, 0);
  // Without a token, each call counts.
  for (const likes of [1, 2]) assert.equal((await post<Vote>(`${path}/like`, {})).body.likes, likes);
});
