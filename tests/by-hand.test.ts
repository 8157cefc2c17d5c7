import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import type { DeadLetter } from '../shared/operations/dead-letter-event.ts';
import { del, get, post, put, type Replica, type System, startSystem, until } from './harness.ts';

/** Returns the title of a movie; undefined if there is none. */
async function titleOf(replica: Replica, movieId: number): Promise<unknown> {
  const { status, body } = await get(`${replica.url}/movies/${movieId}`);
  return status === 200 ? body.title : undefined;
}

async function letters(system: System): Promise<DeadLetter[]> {
  const jsm = await system.streams();
  const found = await Promise.all(
    (await system.deadLetters()).map((subject) => jsm.streams.getMessage('DEADLETTERS', { last_by_subj: subject })),
  );
  return found.map((message) => message?.json<DeadLetter>() as DeadLetter);
}

test('a movie event published by hand counts like one published by a service', async () => {
  await using system = await startSystem();
  const [a, b] = await system.start('movies', 'movies');
  const revision = await system.publish('catalogue.hub.movie.7', { title: 'By hand', genres: ['Drama'], made: 'up' });
  for (const replica of [a, b]) await until(async () => (await titleOf(replica, 7)) === 'By hand', 'the movie');
  assert.equal((await get(`${a.url}/movies/7`)).body.revision, revision);
  assert.equal((await post(`${a.url}/movies`, { movieId: 7, title: 'Another' })).status, 409);
  await system.publish('catalogue.hub.movie.7', { removed: true });
  for (const replica of [a, b]) await until(async () => (await titleOf(replica, 7)) === undefined, 'it to be gone');
  assert.equal((await post(`${b.url}/movies`, { movieId: 7, title: 'Another' })).status, 201);
  assert.deepEqual(await system.deadLetters(), []);
});

test('an invalid message becomes one dead letter for two replicas and does not block later messages', async () => {
  await using system = await startSystem();
  const [a, b] = await system.start('movies', 'movies');
  const broken: [string, string | Uint8Array, Record<string, string>?][] = [
    ['catalogue.hub.movie.11', '{"title":'],
    ['catalogue.hub.movie.12', '{"year":"soon"}'],
    ['catalogue.hub.movie.13', Uint8Array.of(0xff, 0xfe, 0)],
    ['catalogue.hub.movie.14', ''],
    ['catalogue.hub.movie.none', '{"title":"No id"}'],
    ['catalogue.hub.movie.15', '{"title":"Another","movieId":16}'],
    ['catalogue.hub.movie.17', '{"title":"Of later"}', { 'ce-type': 'marquee.movie.stated.v9' }],
    ['catalogue.hub.series.18', '{"title":"No such event"}'],
  ];
  const sequences: number[] = [];
  for (const [subject, data, headers] of broken) sequences.push(await system.publish(subject, data, headers));
  await system.publish('catalogue.hub.movie.20', { title: 'Behind them' });
  for (const replica of [a, b])
    await until(async () => (await titleOf(replica, 20)) === 'Behind them', 'the event after them');
  await until(async () => (await system.deadLetters()).length >= broken.length, 'the dead letters');

  const found = (await letters(system)).sort((x, y) => x.sequence - y.sequence);
  assert.deepEqual(
    found.map(({ sequence }) => sequence),
    sequences,
  );
  assert.deepEqual(
    found.map(({ subject }) => subject),
    broken.map(([subject]) => subject),
  );
  for (const letter of found) {
    assert.deepEqual([letter.stream, letter.consumer], ['CATALOGUE', 'movies']);
    assert.ok(letter.reason.length > 5);
  }
  assert.match(found[1]?.reason ?? '', /title: .*year: /);
  assert.deepEqual([found[0]?.data, found[2]?.dataBase64], ['{"title":', '//4A']);
  assert.equal(found[6]?.headers['ce-type'], 'marquee.movie.stated.v9');

  // A rebuilt view reads the messages again without adding dead letters.
  await b.stop();
  const fresh = await system.startReplica('movies');
  await fresh.ready;
  await system.publish('catalogue.hub.movie.21', 'the last');
  await until(async () => (await letters(system)).some(({ subject }) => subject.endsWith('.21')), 'the last letter');
  assert.equal((await system.deadLetters()).length, broken.length + 1);
  const deadLetters = async () => (await get<{ deadLetters: number }>(`${a.url}/readyz`)).body.deadLetters;
  await until(async () => (await deadLetters()) === broken.length + 1, 'the dead letters in /readyz');
  assert.equal((await post(`${a.url}/movies`, { movieId: 11, title: 'Repaired' })).status, 201);
});

test('an unreadable message neither replaces a movie nor restores a removed one', async () => {
  await using system = await startSystem();
  const [movies, ranking] = await system.start('movies', 'ranking');
  assert.equal((await post(`${movies.url}/movies`, { movieId: 5, title: 'Alien' })).status, 201);
  assert.equal((await post(`${movies.url}/movies`, { movieId: 6, title: 'Brazil' })).status, 201);
  assert.equal((await del(`${movies.url}/movies/6`)).status, 200);
  const before = (await get(`${movies.url}/movies/5`)).body;
  await system.publish('catalogue.hub.movie.5', '{"titel":"Alien"}');
  await system.publish('catalogue.hub.movie.5', 'once more');
  await system.publish('catalogue.hub.movie.6', 'gone?');
  await until(async () => (await system.deadLetters()).length === 6, 'the dead letters of both services');
  // Check a rebuilt view and a new replica.
  await movies.stop();
  rmSync(join(movies.dataDir, 'views'), { recursive: true });
  const again = await system.startReplica('movies', { DATA_DIR: movies.dataDir });
  await again.ready;
  const [fresh] = await system.start('ranking');
  assert.deepEqual((await get(`${again.url}/movies/5`)).body, before);
  assert.equal(await titleOf(again, 6), undefined);
  assert.deepEqual((await get(`${fresh.url}/votes`)).body, (await get(`${ranking.url}/votes`)).body);
  assert.equal((await put(`${again.url}/movies/5`, { title: 'Aliens' })).status, 200);
  assert.equal((await post(`${again.url}/movies`, { movieId: 6, title: 'Brazil' })).status, 201);
  assert.equal((await system.deadLetters()).length, 6, 'the same letters');
});

test('operations can be called by hand through the NATS services framework', async () => {
  await using system = await startSystem();
  const [movies] = await system.start('movies');
  await post(`${movies.url}/movies`, { movieId: 1, title: 'Alien', genres: ['Horror'] });
  const { nc } = system.link;
  const ask = (subject: string, body: string) => nc.request(subject, body, { timeout: 20_000 });
  assert.equal((await ask('movies.get', '{"movieId":1}')).json<{ title: string }>().title, 'Alien');
  assert.equal((await ask('movies.search', '{"q":"alein"}')).json<{ items: unknown[] }>().items.length, 1);
  assert.equal((await ask('movies.genre', '{"genre":"horror"}')).json<{ items: unknown[] }>().items.length, 1);
  assert.deepEqual((await ask('movies.genres', '')).json<{ items: unknown[] }>().items, [
    { genre: 'Horror', movies: 1 },
  ]);
  for (const [subject, body, code] of [
    ['movies.get', '{"movieId":2}', '404'],
    ['movies.get', '{"movieId":"x"}', '400'],
    ['movies.get', 'not json', '400'],
    ['movies.get', '[]', '400'],
    ['movies.add', '{"movieId":1,"title":"Another"}', '409'],
  ] as const) {
    const refused = await ask(subject, body);
    assert.equal(refused.headers?.get('Nats-Service-Error-Code'), code, body);
    assert.equal(refused.json<{ status: number }>().status, Number(code));
  }
  const info = (await ask('$SRV.INFO.movies', '')).json<{ endpoints: { subject: string; queue_group: string }[] }>();
  assert.ok(info.endpoints.some(({ subject, queue_group }) => subject === 'movies.get' && queue_group === 'movies'));
});

test('no message on the subjects of a service can stop it', async () => {
  await using system = await startSystem();
  const movies = await system.spawn('movies');
  await until(async () => (await get(`${movies.url}/readyz`)).status === 200, 'the service to be ready');
  const { nc } = system.link;
  const garbage = [
    '',
    'x',
    'hello\n',
    '{\r\n"a":',
    '{}',
    '[1]',
    '[[]]',
    '[[1,2,3]]',
    '[[0,"movies.get",null,5]]',
    'null',
    '\u0000',
  ];
  for (const body of garbage) {
    for (const subject of ['movies.batch', 'movies.get', 'movies.import', 'movies.nothing']) {
      nc.publish(subject, body);
      nc.publish(subject, body, { reply: 'nobody.listens' });
    }
  }
  await nc.flush();
  const asked = await nc.request('movies.get', 'no\njson\n', { timeout: 20_000 });
  assert.equal(asked.headers?.get('Nats-Service-Error-Code'), '400', 'its connection was not lost');
  // Answers too large for a message (400 texts of 1,200 characters of 3 bytes) are refused, not fatal.
  const films = Array.from({ length: 400 }, (_, i) => ({
    movieId: i + 1,
    title: `Film ${i}`,
    description: '映'.repeat(1200),
  }));
  for (let i = 0; i < films.length; i += 50) {
    const some = JSON.stringify({ movies: films.slice(i, i + 50) });
    const reply = await nc.request('movies.import', some, { timeout: 20_000 });
    assert.equal(reply.headers?.get('Nats-Service-Error') ?? '', '');
  }
  await until(async () => (await get(`${movies.url}/movies/400`)).status === 200, 'all films to be there');
  const large = await nc.request('movies.list', '{"limit":500}', { timeout: 20_000 });
  assert.equal(large.headers?.get('Nats-Service-Error-Code'), '413');
  const { movies: contract } = await import('../services/movies/contract.ts');
  await assert.rejects(system.caller.ask(contract.list, { limit: 500 }, { timeoutMs: 20_000 }), { code: 'too_large' });
  assert.equal((await get(`${movies.url}/movies/1`)).status, 200);
  assert.ok(movies.program.running);
});
