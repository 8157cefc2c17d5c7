import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import { del, get, post, put, type Replica, request, type System, startSystem, until } from '../../tests/harness.ts';
import type { MoviePage } from './testing.ts';

let system: System;
let movies: Replica;
beforeAll(async () => {
  system = await startSystem();
  [movies] = await system.start('movies');
  for (const movieId of [1, 2, 3]) {
    await post(`${movies.url}/movies`, { movieId, title: `Film ${movieId}`, genres: ['Drama'], year: 1990 + movieId });
  }
});
afterAll(() => system[Symbol.asyncDispose]());

interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  fields?: { field: string; message: string }[];
}

/** Sends a request that must be refused, and checks the problem document. */
async function refused(status: number, code: string, method: string, path: string, options = {}): Promise<Problem> {
  const reply = await request<Problem>(method, movies.url + path, options);
  assert.equal(reply.status, status, `${method} ${path.slice(0, 100)}: ${JSON.stringify(reply.body)}`);
  assert.equal(reply.headers.get('content-type'), 'application/problem+json');
  assert.deepEqual([reply.body.status, reply.body.code], [status, code]);
  assert.ok(reply.body.title && reply.body.type && reply.body.detail);
  return reply.body;
}

const fieldsOf = (problem: Problem) => problem.fields?.map(({ field }) => field);
const path = (text: string): string => encodeURIComponent(text);

test('a movie is added, shown, replaced and removed', async () => {
  const url = `${movies.url}/movies/100`;
  const added = await post(`${movies.url}/movies`, { movieId: 100, title: ' Alien ', genres: ['Horror'], year: 1979 });
  assert.equal(added.status, 201);
  assert.equal(added.headers.get('location'), '/movies/100');
  assert.equal(added.headers.get('etag'), `"${added.body.revision}"`);
  const shown = await get(url);
  assert.equal(shown.body.title, 'Alien');
  assert.deepEqual(shown.body, { ...added.body, likes: null });

  const replaced = await put(url, { title: 'Aliens', year: 1986 });
  assert.equal(replaced.status, 200);
  assert.deepEqual([replaced.body.title, replaced.body.genres, replaced.body.year], ['Aliens', [], 1986]);
  assert.ok((replaced.body.revision as number) > (added.body.revision as number));
  assert.deepEqual((await get(url)).body, { ...replaced.body, likes: null });

  const removed = await del(url);
  assert.deepEqual([removed.status, removed.body.movieId], [200, 100]);
  await refused(404, 'not_found', 'GET', '/movies/100');
  await refused(404, 'not_found', 'DELETE', '/movies/100');
  await refused(404, 'not_found', 'PUT', '/movies/100', { body: { title: 'Alien 3' } });
  assert.equal((await post(`${movies.url}/movies`, { movieId: 100, title: 'Alien again' })).status, 201);
  await del(url);
});

test('refuses to add a movie that exists', async () => {
  await refused(409, 'conflict', 'POST', '/movies', { body: { movieId: 1, title: 'Another' } });
  assert.equal((await get(`${movies.url}/movies/1`)).body.title, 'Film 1');
});

test('ETags: an unchanged movie is answered with 304, and a changed movie is not overwritten', async () => {
  const url = `${movies.url}/movies/2`;
  const etag = (await get(url)).headers.get('etag') as string;
  for (const header of [etag, `W/${etag}`, `"0", ${etag}`, '*']) {
    const same = await get(url, { 'if-none-match': header });
    assert.deepEqual([same.status, same.body, same.headers.get('etag')], [304, undefined, etag], header);
  }
  assert.equal((await get(url, { 'if-none-match': '"0"' })).status, 200);

  const body = { title: 'Film 2', genres: ['Drama'], year: 1992, director: 'First' };
  assert.equal((await put(url, body, { 'if-match': etag })).status, 200);
  await refused(412, 'precondition_failed', 'PUT', '/movies/2', { body, headers: { 'if-match': etag } });
  await refused(412, 'precondition_failed', 'DELETE', '/movies/2', { headers: { 'if-match': etag } });
  assert.equal((await get(url, { 'if-none-match': etag })).status, 200);
  assert.equal((await put(url, body, { 'if-match': '*' })).status, 200);
});

test('an ETag becomes stale with a new like, but still allows a change of the movie', async () => {
  await using own = await startSystem();
  const [replica, ranking] = await own.start('movies', 'ranking');
  const url = `${replica.url}/movies/1`;
  await post(`${replica.url}/movies`, { movieId: 1, title: 'Alien' });
  await until(async () => (await get(url)).body.likes === 0, 'the likes to be known');
  const etag = (await get(url)).headers.get('etag') as string;
  assert.equal((await get(url, { 'if-none-match': etag })).status, 304);
  const like = () => post(`${ranking.url}/votes/1/like`, { voterId: 'alice' });
  await until(async () => (await like()).status === 200, 'ranking to know the movie');
  const liked = await get(url, { 'if-none-match': etag });
  assert.deepEqual([liked.status, liked.body.likes], [200, 1]);
  assert.equal((await get(url, { 'if-none-match': liked.headers.get('etag') as string })).status, 304);
  assert.equal((await put(url, { title: 'Aliens' }, { 'if-match': etag })).status, 200);
  assert.equal((await put(url, { title: 'Alien 3' }, { 'if-match': etag })).status, 412);
});

test('a search accepts the filters and sorts of a list', async () => {
  const found = async (query: string) =>
    (await get<MoviePage>(`${movies.url}/movies?q=film&${query}`)).body.items.map(({ movieId }) => movieId);
  assert.deepEqual(await found('sort=-year'), [3, 2, 1]);
  assert.deepEqual(await found('sort=-movieId&limit=2'), [3, 2]);
  assert.deepEqual(await found('year=1992&genre=DRAMA&minRating=0'), [2]);
  assert.deepEqual(await found('minRating=5'), []);
  const { next } = (await get<MoviePage>(`${movies.url}/movies?q=film&sort=year&limit=2`)).body;
  assert.deepEqual(await found(`sort=year&limit=2&cursor=${next}`), [3]);
});

test('suggests titles for an unfinished search', async () => {
  const { body } = await get(`${movies.url}/movies/suggest?q=fil`);
  assert.deepEqual(body.next, null);
  assert.deepEqual(
    body.items,
    [1, 2, 3].map((movieId) => ({ kind: 'title', text: `Film ${movieId}`, movieId, year: 1990 + movieId })),
  );
  assert.deepEqual(fieldsOf(await refused(400, 'invalid', 'GET', '/movies/suggest')), ['q']);
});

test('lists are paged, filtered and sorted by query parameters', async () => {
  const titles = async (query: string) =>
    (await get<MoviePage>(`${movies.url}/movies?${query}`)).body.items.map(({ movieId }) => movieId);
  assert.deepEqual(await titles('sort=-year'), [3, 2, 1]);
  assert.deepEqual(await titles('year=1992'), [2]);
  assert.deepEqual(await titles('year=9007199254740991'), [], 'the greatest safe integer is valid');
  assert.deepEqual(await titles('genre=drama&minRating=0&limit=2'), [1, 2]);
  const { next } = (await get<MoviePage>(`${movies.url}/movies?limit=2`)).body;
  assert.deepEqual(await titles(`limit=2&cursor=${next}`), [3]);
  assert.deepEqual((await get(`${movies.url}/genres`)).body, { items: [{ genre: 'Drama', movies: 3 }], next: null });
  const byGenre = await get<MoviePage>(`${movies.url}/movies/genre/DRAMA?sort=-movieId`);
  assert.deepEqual(
    byGenre.body.items.map(({ movieId }) => movieId),
    [3, 2, 1],
  );
  for (const where of ['/movies?q=film+3', '/movies/search?q=film%203']) {
    assert.equal((await get<MoviePage>(movies.url + where)).body.items[0]?.movieId, 3);
  }
});

test('accepts the field names and paths of the sample application that Marquee replaces', async () => {
  const added = await post(`${movies.url}/movies`, { movieId: 200, name: 'Old Client', gender: 'Western, Noir' });
  assert.deepEqual([added.status, added.body.title, added.body.genres], [201, 'Old Client', ['Western', 'Noir']]);
  const listed = await get<MoviePage>(`${movies.url}/movies/gender/noir`);
  assert.deepEqual(
    listed.body.items.map(({ movieId }) => movieId),
    [200],
  );
  const changed = await put(`${movies.url}/movies/200`, { name: 'Older Client', gender: ['Noir'] });
  assert.deepEqual([changed.body.title, changed.body.genres], ['Older Client', ['Noir']]);
  const both = { title: 'A', name: 'B', genres: [], gender: 'Noir' };
  const { status, body } = await put<Problem>(`${movies.url}/movies/200`, both);
  assert.deepEqual([status, fieldsOf(body)], [400, ['name', 'gender']], 'an old name beside the new one is refused');
  await del(`${movies.url}/movies/200`);
});

test('a problem names every invalid field', async () => {
  const invalid = (method: string, path: string, body?: unknown) =>
    refused(400, 'invalid', method, path, body === undefined ? {} : { body });
  assert.deepEqual(fieldsOf(await invalid('POST', '/movies', { movieId: 0, title: '', year: 'soon' })), [
    'title',
    'year',
    'movieId',
  ]);
  assert.deepEqual(fieldsOf(await invalid('POST', '/movies', { movieId: 5, title: 'x', genres: ['a', ''] })), [
    'genres.1',
  ]);
  assert.deepEqual(fieldsOf(await invalid('POST', '/movies', {})), ['title', 'movieId']);
  for (const id of ['abc', '1.5', '0', '-1', '99999999999999999999', '1e3', '%00', '1%20']) {
    assert.deepEqual(fieldsOf(await invalid('GET', `/movies/${id}`)), ['movieId'], id);
  }
  assert.deepEqual(fieldsOf(await invalid('GET', '/movies/%zz')), ['URL']);
  for (const query of ['limit=0', 'limit=501', 'limit=x', 'limit=', 'limit=1.5', 'limit=1e1']) {
    assert.deepEqual(fieldsOf(await invalid('GET', `/movies?${query}`)), ['limit'], query);
  }
  for (const query of ['sort=up', 'year=old', 'year=0', 'minRating=11', 'cursor=x', `genre=${'x'.repeat(41)}`]) {
    assert.deepEqual(fieldsOf(await invalid('GET', `/movies?${query}`)), [query.split('=')[0]], query);
  }
  assert.match(JSON.stringify(await invalid('GET', '/movies?year=0')), /must be at least 1"/);
  assert.deepEqual(fieldsOf(await invalid('GET', '/movies/search')), ['q']);
});

test('refuses a body that is not a JSON object or is too large', async () => {
  for (const body of ['{', '[]', '"text"', 'null', '1', '{"movieId":1', '\ufffe']) {
    await refused(400, 'invalid', 'POST', '/movies', { body });
  }
  await refused(400, 'invalid', 'POST', '/movies', { body: '' });
  await refused(413, 'too_large', 'POST', '/movies', {
    body: { movieId: 9, title: 'x', description: 'y'.repeat(2_000_000) },
  });
  // The service still answers.
  assert.equal((await get(`${movies.url}/movies/1`)).status, 200);
});

test('every search text is answered or clearly refused, whatever its length', async () => {
  for (const q of ['"', "'", '*', 'AND', '(film', '😀', 'film\u0000', '%', '\\', 'é'.repeat(1000)]) {
    assert.equal((await get(`${movies.url}/movies?q=${path(q)}`)).status, 200, q);
  }
  for (const q of ['x'.repeat(1001), 'x'.repeat(10_000), '😀'.repeat(1000)]) {
    await refused(400, 'invalid', 'GET', `/movies?q=${path(q)}`);
  }
  await refused(431, 'too_large', 'GET', `/movies?q=${path('😀'.repeat(10_000))}`);
});

test('answers 404 for an unknown path, and 405 with the allowed methods for an unknown method', async () => {
  await refused(404, 'not_found', 'GET', '/nothing');
  await refused(404, 'not_found', 'POST', '/movies/1/2/3');
  for (const [method, where, allow] of [
    ['DELETE', '/movies', 'GET, POST'],
    ['POST', '/movies/1', 'GET, PUT, DELETE'],
    ['PATCH', '/movies/1/', 'GET, PUT, DELETE'],
    ['PUT', '/genres', 'GET'],
  ] as const) {
    await refused(405, 'method_not_allowed', method, where);
    const allowed = (await request(method, movies.url + where)).headers.get('allow') ?? '';
    assert.deepEqual(allowed.split(', ').sort(), allow.split(', ').sort(), where);
  }
});

test('HEAD is answered like GET, without a body', async () => {
  const head = await request('HEAD', `${movies.url}/movies/1`);
  assert.deepEqual([head.status, head.body], [200, undefined]);
});

test('operations for services only are not available over HTTP', async () => {
  await refused(405, 'method_not_allowed', 'POST', '/movies/import', {
    body: { movies: [{ movieId: 8, title: 'x' }] },
  });
});

test('readiness reports the streams and their lag', async () => {
  assert.deepEqual((await get(`${movies.url}/healthz`)).body, { status: 'ok', service: 'movies' });
  const ready = await get<{ status: string; streams: { stream: string; lag: number }[] }>(`${movies.url}/readyz`);
  assert.deepEqual([ready.status, ready.body.status], [200, 'ready']);
  assert.deepEqual(
    ready.body.streams.map(({ stream, lag }) => [stream, lag]),
    [['CATALOGUE', 0]],
  );
});
