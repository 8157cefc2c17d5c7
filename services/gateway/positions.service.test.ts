/** A client that sends back the position of an answer reads its own writes, at any replica. */
import assert from 'node:assert/strict';
import { headers as natsHeaders } from '@nats-io/nats-core';
import { test } from 'vitest';
import { decodePosition, encodePosition, positionHeader } from '../../shared/operations/position.ts';
import { applyStreams } from '../../streams/apply.ts';
import { del, get, post, put, type Reply, startSystem, until } from '../../tests/harness.ts';
import { holdBack, startApart } from '../../tests/late-replica.ts';

/** Fetch gives header names in lower case. */
const header = positionHeader.toLowerCase();

function positionOf({ status, headers }: Reply<unknown>): string {
  const position = headers.get(header);
  assert.ok(status < 300 && position !== null, `an answer with status ${status} has no position`);
  return position;
}

const after = (reply: Reply<unknown>) => ({ [header]: positionOf(reply) });

test('a replica that is behind answers once it has read the write of another replica', async () => {
  await using system = await startSystem();
  const [movies, ahead] = await system.start('movies', 'ranking');
  const late = await startApart(system, 'ranking');
  const movie = await post(`${movies.url}/movies`, { movieId: 1, title: 'Alien' });
  assert.equal((await get(`${late.url}/votes/1`, after(movie))).status, 200);
  for (let round = 1; round <= 3; round++) {
    const held = holdBack(late);
    const like = await post(`${ahead.url}/votes/1/like`, { voterId: `v${round}` });
    assert.equal((await get(`${late.url}/votes/1`)).body.likes, round - 1, 'the held replica is behind');
    let answered = false;
    const asked = get(`${late.url}/votes/1`, after(like)).finally(() => {
      answered = true;
    });
    assert.equal((await get(`${ahead.url}/votes/1`, after(like))).body.likes, round);
    assert.equal(answered, false, 'the held replica waits');
    held[Symbol.dispose]();
    assert.equal((await asked).body.likes, round);
  }
});

test('reads through the gateway see earlier writes, also while a replica is behind', async () => {
  await using system = await startSystem();
  const [gateway, movies, ranking] = await system.start('gateway', 'movies', 'ranking');
  const lateMovies = await startApart(system, 'movies');
  const lateRanking = await startApart(system, 'ranking');
  const { url } = gateway;
  for (let movieId = 1; movieId <= 20; movieId++) {
    const added = await post(`${url}/movies`, { movieId, title: `Film ${movieId}` });
    const liked = await post(`${url}/votes/${movieId}/like`, { voterId: 'alice' }, after(added));
    for (const path of [`/movies/${movieId}`, `/votes/${movieId}`, `/pages/movie/${movieId}`]) {
      const { status, body } = await get(`${url}${path}`, after(liked));
      assert.deepEqual([status, body.likes], [200, 1], path);
    }
  }
  for (let movieId = 21; movieId <= 24; movieId++) {
    const held = [holdBack(lateMovies), holdBack(lateRanking)];
    const added = await post(`${movies.url}/movies`, { movieId, title: `Film ${movieId}` });
    const liked = await post(`${ranking.url}/votes/1/like`, { voterId: `v${movieId}` });
    // Some of these requests reach the replicas that are behind.
    const details = Array.from({ length: 5 }, () => get(`${url}/movies/${movieId}`, after(added)));
    const votes = ['votes/1', 'movies/1', 'pages/movie/1'].map((path) => get(`${url}/${path}`, after(liked)));
    assert.equal((await get(`${ranking.url}/votes/1`, after(liked))).status, 200);
    for (const one of held) one[Symbol.dispose]();
    assert.ok((await Promise.all(details)).every(({ status }) => status === 200));
    assert.deepEqual(
      (await Promise.all(votes)).map(({ body }) => body.likes),
      [movieId - 19, movieId - 19, movieId - 19],
    );
  }
});

test('a position covers all earlier writes of its client, and a repeated command returns one, too', async () => {
  await using system = await startSystem();
  const [gateway] = await system.start('gateway', 'movies', 'ranking', 'reminder', 'support', 'technical-support');
  const { url } = gateway;
  const streams = (reply: Reply<unknown>) => decodePosition(positionOf(reply)).map(({ stream }) => stream);
  let last = await post(`${url}/movies`, { movieId: 1, title: 'Alien' });
  const key = { 'idempotency-key': 'k' };
  for (const [write, also] of [
    [() => put(`${url}/movies/1`, { title: 'Aliens' }, after(last)), []],
    [() => post(`${url}/votes/1/like`, { voterId: 'alice' }, after(last)), ['VOTES']],
    [() => del(`${url}/votes/1/like`, { 'x-user-id': 'alice', ...after(last) }), ['VOTES']],
    [() => post(`${url}/reminder/alice/1`, {}, after(last)), ['VOTES', 'LIBRARY']],
    [
      () => post(`${url}/support/alice`, { message: 'Help' }, { ...key, ...after(last) }),
      ['VOTES', 'LIBRARY', 'SUPPORT'],
    ],
  ] as const) {
    last = await write();
    assert.deepEqual(streams(last), ['CATALOGUE', ...also]);
  }
  assert.deepEqual(streams(await post(`${url}/support/alice`, { message: 'Help' }, key)), ['SUPPORT']);
  assert.deepEqual(streams(await post(`${url}/watched/alice/1`, {})), ['LIBRARY']);
  assert.equal((await get(`${url}/movies/1`)).headers.get(header), null);
});

test('the header works the same over NATS', async () => {
  await using system = await startSystem();
  await system.start('movies', 'movies');
  const { nc } = system.link;
  const answer = await nc.request('movies.add', JSON.stringify({ movieId: 1, title: 'Alien' }), { timeout: 20_000 });
  const headers = natsHeaders();
  const details = () => nc.request('movies.details', '{"movieId":1}', { headers, timeout: 20_000 });
  headers.set(positionHeader, answer.headers?.get(positionHeader) ?? 'none');
  for (let n = 0; n < 20; n++) {
    assert.equal((await details()).json<{ title: string }>().title, 'Alien');
  }
  headers.set(positionHeader, '');
  assert.equal((await details()).json<{ title: string }>().title, 'Alien', 'an empty header counts as absent');
  headers.set(positionHeader, 'nonsense');
  const refused = await details();
  assert.match(refused.headers?.get('Nats-Service-Error') ?? 'none', /^Marquee-Position/);
});

test('answers 503 when a replica cannot reach the position in time, and 400 when the position is invalid', async () => {
  await using system = await startSystem();
  const [gateway, movies] = await system.start('gateway', 'movies');
  const late = await startApart(system, 'movies', { REQUEST_TIMEOUT_MS: '1500' });
  {
    using _held = holdBack(late);
    const added = await post(`${movies.url}/movies`, { movieId: 1, title: 'Alien' });
    const { status, headers, body } = await get(`${late.url}/movies/1`, after(added));
    assert.deepEqual([status, headers.get('retry-after'), body.code], [503, '1', 'unavailable']);
  }
  for (const { url } of [gateway, late]) {
    assert.notEqual((await get(`${url}/movies/1`, { [header]: '' })).status, 400, 'an empty header counts as absent');
    for (const position of ['x', 'CATALOGUE', 'CATALOGUE:1', 'CATALOGUE:x:abcdefgh', 'CATALOGUE:1:short', ',']) {
      const { status, body } = await get(`${url}/movies/1`, { [header]: position });
      assert.deepEqual([status, (body.fields as { field: string }[])[0]?.field], [400, 'Marquee-Position'], position);
    }
  }
});

test('does not wait for a position that its stream no longer has', async () => {
  await using system = await startSystem();
  const [movies] = await system.start('movies');
  const added = await post(`${movies.url}/movies`, { movieId: 1, title: 'Alien' });
  const [place] = decodePosition(positionOf(added));
  assert.ok(place);
  for (const lost of [
    { ...place, sequence: place.sequence + 1000 },
    { ...place, tag: 'ofAnOlde' },
    { ...place, stream: 'NOWHERE' },
    { ...place, stream: 'VOTES', sequence: 1000 },
  ]) {
    assert.equal((await get(`${movies.url}/movies/1`, { [header]: encodePosition([lost]) })).status, 200);
  }
  const jsm = await system.streams();
  await jsm.streams.delete('CATALOGUE');
  await applyStreams(system.link.nc, { streamReplicas: 1 }, { accept: true });
  await until(async () => (await get(`${movies.url}/movies/1`)).status === 404, 'the new stream to be read');
  assert.equal((await get(`${movies.url}/movies`, after(added))).status, 200);
  const again = await post(`${movies.url}/movies`, { movieId: 2, title: 'Heat' }, after(added));
  assert.notEqual(decodePosition(positionOf(again))[0]?.tag, place.tag);
});
