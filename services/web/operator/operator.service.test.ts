/** Tests of the administrators' pages: status, dead letters, films and imports, and who may use them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'vitest';
import { get, startSystem, until } from '../../../tests/harness.ts';
import { secret, tokenOf, Visitor } from '../testing.ts';

// Each test has its own system and mostly waits, so they run concurrently.
test.concurrent('the status page shows the running services, the streams, and missing services', async () => {
  await using system = await startSystem();
  const [gateway, movies] = await system.start('gateway', 'movies', 'ranking', 'reminder', 'support');
  const visitor = new Visitor(gateway.url);
  const partly = await visitor.open('/status');
  assert.match(partly.html, /technical-support is not responding/);
  assert.match(partly.html, /CATALOGUE/);
  const [last] = await system.start('technical-support');
  await visitor.waitFor('/status', 'Everything is working');
  await movies.stop();
  await visitor.waitFor('/status', 'movies is not responding');
  await last.stop();
});

test.concurrent('the status page reports an unreachable broker and keeps polling', async () => {
  await using system = await startSystem({ ownBroker: true });
  const [gateway] = await system.start('gateway');
  const visitor = new Visitor(gateway.url);
  await system.killBroker();
  const away = await until(async () => {
    const page = await visitor.open('/status');
    assert.match(page.html, /The message broker cannot be reached\./);
    return page;
  }, 'the page to report the broker');
  assert.equal(away.status, 200, 'the polling script only takes pages with status 200');
  assert.match(away.html, /id="status" data-poll/);
});

test.concurrent('shows, replays and drops dead letters', async () => {
  await using system = await startSystem();
  const [gateway] = await system.start('gateway', 'movies');
  const visitor = new Visitor(gateway.url);
  assert.match((await visitor.open('/status/letters')).html, /No dead letters/);
  await system.publish('catalogue.hub.movie.7', '{"title": "<script>alert(1)</script>"');
  await until(async () => (await system.deadLetters()).length === 1, 'a dead letter');
  const list = await visitor.open('/status/letters');
  const path = /href="(\/status\/letters\/\d+)"/.exec(list.html)?.[1] ?? '';
  const letter = await visitor.open(path);
  assert.match(letter.html, /&lt;script&gt;/);
  assert.match((await visitor.open('/status')).html, /1 dead letter is waiting/);
  await visitor.submit(`${path}/replay`);
  await visitor.waitFor('/status/letters', 'catalogue.hub.movie.7');
  const again = /href="(\/status\/letters\/\d+)"/.exec((await visitor.open('/status/letters')).html)?.[1] ?? '';
  assert.notEqual(again, path);
  assert.match((await visitor.submit(`${again}/drop`)).html, /No dead letters/);
  assert.equal((await visitor.open(again)).status, 404);
  assert.equal((await visitor.open('/status/letters/x')).status, 404);
  await (await system.streams()).streams.delete('DEADLETTERS');
  assert.match((await visitor.open('/status')).html, /Dead letters could not be counted/);
});

test.concurrent('adds, edits and removes films, and shows errors beside the fields without losing input', async () => {
  await using system = await startSystem();
  const [gateway] = await system.start('gateway', 'movies', 'ranking');
  const visitor = new Visitor(gateway.url);
  const wrong = await visitor.submit('/film-new', {
    movieId: '1',
    title: 'Alien',
    year: 'soon',
    genres: 'Horror, Sci-Fi',
  });
  assert.equal(wrong.status, 400);
  assert.match(wrong.html, /id="year-problem"/);
  assert.match(wrong.html, /value="Horror, Sci-Fi"/);
  const added = await visitor.submit('/film-new', {
    movieId: '1',
    title: 'Alien',
    year: '1979',
    rating: '8,5',
    genres: 'Horror, Sci-Fi',
  });
  assert.equal(added.path, '/film/1');
  const { body } = await get(`${gateway.url}/movies/1`);
  assert.deepEqual([body.year, body.rating, body.genres], [1979, 8.5, ['Horror', 'Sci-Fi']]);
  const taken = await visitor.submit('/film-new', { movieId: '1', title: 'Other' });
  assert.deepEqual([taken.status, /Another film has this number/.test(taken.html)], [409, true]);

  const typed = { description: 'In space\r\nno one hears', actors: 'Robert Downey, Jr.\r\nTom Skerritt' };
  await visitor.submit('/film-new', { movieId: '2', title: 'Alone', ...typed });
  const alone = async () => {
    const { description, actors } = (await get(`${gateway.url}/movies/2`)).body;
    return { description, actors };
  };
  const asTyped = { description: 'In space\nno one hears', actors: ['Robert Downey, Jr.', 'Tom Skerritt'] };
  assert.deepEqual(await alone(), asTyped);
  // A page that a busy machine could not fill in time is opened again.
  await visitor.waitFor('/film/2/edit', 'no one hears');
  const again = (await visitor.open('/film/2/edit')).html;
  const shown = (field: string) => new RegExp(`name="${field}"[^>]*>([^<]*)</textarea>`).exec(again)?.[1] ?? '';
  const [description, actors] = [shown('description'), shown('actors')];
  await visitor.submit('/film/2/edit', { title: 'Not alone', description, actors });
  assert.deepEqual(await alone(), asTyped, 'saving another field leaves these unchanged');

  const form = await visitor.open('/film/1/edit');
  const revision = /name="revision" value="(\d+)"/.exec(form.html)?.[1] ?? '';
  assert.equal((await visitor.submit('/film/1/edit', { title: 'Aliens', revision })).path, '/film/1');
  const late = await visitor.submit('/film/1/edit', { title: 'Alien 3', revision });
  assert.deepEqual([late.status, /changed in the meantime/.test(late.html)], [412, true], 'keeps the other change');
  const kept = await visitor.submit('/film/1/remove', { revision });
  assert.deepEqual([kept.status, /name="title" value="Aliens"/.test(kept.html)], [412, true], 'shows the stored film');
  const now = /name="revision" value="(\d+)"/.exec((await visitor.open('/film/1/edit')).html)?.[1] ?? '';
  for (const click of ['the first', 'a second']) {
    assert.equal((await visitor.submit('/film/1/remove', { revision: now })).path, '/browse', click);
  }
  assert.equal((await visitor.open('/film/1')).status, 404);
  assert.match((await visitor.open('/film-new')).html, /name="movieId"/);
});

test.concurrent('allows only administrators to see the status and edit films, and only agents to use the desk', async () => {
  await using system = await startSystem();
  const replicas = await Promise.all(
    ['gateway', 'movies', 'technical-support'].map((name) => system.startReplica(name, { JWT_SECRET: secret })),
  );
  await Promise.all(replicas.map(({ ready }) => ready));
  const url = replicas[0]?.url ?? '';
  const as = async (userId: string, ...roles: string[]) => {
    const visitor = new Visitor(url);
    await visitor.submit('/sign-in', { token: await tokenOf(userId, ...roles) });
    return visitor;
  };
  const statuses = async (visitor: Visitor) =>
    Promise.all(
      ['/desk', '/status', '/status/letters', '/film-new', '/import'].map(
        async (path) => (await visitor.open(path)).status,
      ),
    );
  assert.deepEqual(await statuses(await as('alice')), [403, 403, 403, 403, 403]);
  assert.deepEqual(await statuses(await as('robin', 'agent')), [200, 403, 403, 403, 403]);
  assert.deepEqual(await statuses(await as('root', 'admin')), [200, 200, 200, 200, 200]);
  const alice = await as('alice');
  assert.match((await alice.open('/desk')).html, /Only agents can use the support desk/);
  for (const path of [
    '/film-new',
    '/film/1/edit',
    '/film/1/remove',
    '/status/letters/1/drop',
    '/status/letters/1/replay',
  ]) {
    assert.equal((await alice.submit(path, { movieId: '1', title: 'x' })).status, 403, path);
  }
  assert.equal((await new Visitor(url).open('/status')).path, '/sign-in?next=%2Fstatus');
});

test.concurrent('reads an uploaded file only from administrators, and few at once', async () => {
  await using system = await startSystem();
  const gateway = await system.startReplica('gateway', { JWT_SECRET: secret });
  await gateway.ready;
  const { port, host } = new URL(gateway.url);
  /** Sends the beginning of a file. @returns the status */
  const begin = async (cookie: string): Promise<string> => {
    const socket = connect(Number(port), '127.0.0.1');
    const head = `POST /import HTTP/1.1\r\nHost: ${host}\r\nOrigin: ${gateway.url}\r\nCookie: ${cookie}\r\n`;
    const type = 'Content-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n';
    socket.write(`${head}${type}4\r\n--x\r\r\n`);
    stack.defer(() => void socket.destroy());
    const [reply] = (await once(socket, 'data')) as [Buffer];
    return String(reply).slice(9, 12);
  };
  using stack = new DisposableStack();
  assert.equal(await begin(''), '303', 'an anonymous sender is redirected to sign in');
  const body = new URLSearchParams({ token: await tokenOf('root', 'admin') });
  const headers = { 'sec-fetch-site': 'same-origin' };
  const signedIn = await fetch(`${gateway.url}/sign-in`, { method: 'POST', body, headers, redirect: 'manual' });
  const cookie = (signedIn.headers.get('set-cookie') ?? '').split(';')[0] as string;
  assert.equal(await Promise.race([begin(cookie), begin(cookie), begin(cookie)]), '503');
});

test.concurrent('previews a file of films, imports it, and offers the rejected rows for download', async () => {
  await using system = await startSystem();
  const [gateway] = await system.start('gateway', 'movies', 'ranking');
  const visitor = new Visitor(gateway.url);
  const header =
    'Rank,Title,Genre,Description,Director,Actors,Year,Runtime (Minutes),Rating,Votes,Revenue (Millions),Metascore';
  const rows = [
    '1,Alien,"Horror,Sci-Fi",In space,Ridley Scott,Sigourney Weaver,1979,117,8.5,900,80,89',
    '2,,Drama,,,,,,,,,',
    '3,Rich,Drama,,,,,,,,99999999,',
  ];
  const wrong = await visitor.upload('/import', 'x.csv', 'a,b\n1,2\n');
  assert.match(wrong.html, /role="alert">[^<]*no title column.* Name it with &quot;Column mapping&quot; title=COLUMN</);
  const unknown = await visitor.upload('/import', 'x.csv', 'a,b\n1,2\n', { map: 'title=c' });
  assert.deepEqual([wrong.status, unknown.status], [400, 400]);
  assert.match(unknown.html, /value="title=c"/, 'keeps the input');
  const latin = await visitor.upload('/import', 'x.csv', Buffer.from('title\nAmélie\n', 'latin1'));
  assert.match(latin.html, /looks like latin1[^<]*: save it as UTF-8</, 'does not mention command-line options');
  const headers = { 'content-type': 'multipart/form-data; boundary=x', 'sec-fetch-site': 'same-origin' };
  const broken = await fetch(`${gateway.url}/import`, { method: 'POST', headers, body: '--y--' });
  assert.equal(broken.status, 400, 'a malformed form is the client’s error');
  const looked = await visitor.upload('/import', 'my <films>.csv', [header, ...rows].join('\n'));
  assert.match(looked.html, /my &lt;films&gt;\.csv/);
  assert.match(looked.html, /Runtime \(Minutes\)/);
  assert.equal((await get(`${gateway.url}/movies/1`)).status, 404, 'nothing is imported before confirmation');
  await visitor.submit(`${looked.path}/start`);
  await visitor.waitFor(looked.path, 'Done');
  assert.equal((await get(`${gateway.url}/movies/1`)).body.title, 'Alien');
  assert.match((await visitor.open(looked.path)).html, /in dollars, map revenueDollars=COLUMN</);
  const rejects = await visitor.open(`${looked.path}/rejects`);
  assert.match(rejects.headers.get('content-disposition') ?? '', /filename="my_films_\.rejects\.csv"/);
  assert.match(rejects.html, /^Line,Column,Reason,Rank/);
  assert.doesNotMatch(rejects.html, /--\w/, 'nor does the file');
  for (const name of readdirSync(gateway.dataDir))
    if (name.startsWith('imports-')) rmSync(join(gateway.dataDir, name), { recursive: true });
  assert.equal((await visitor.open(`${looked.path}/rejects`)).status, 404, 'the files were removed');
  const named = await visitor.upload('/import', 'x.csv', 'Film,Year\nSolaris,1972\n', { map: 'title=Film' });
  assert.match(named.html, /recognized by column names.*<dt>Title<\/dt><dd dir="auto">Film<\/dd>/);
  await visitor.submit(`${named.path}/start`);
  await visitor.waitFor(named.path, 'Done');
  assert.match((await visitor.open('/browse?q=solaris')).html, /Solaris/);
  await visitor.submit('/sign-in', { name: 'somebody else' });
  assert.equal((await visitor.open(looked.path)).status, 404, 'another user cannot see it');
});
