/** Tests of the pages without scripts: links, forms, redirects, unavailable services, and protection of forms. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'vitest';
import { get, post, startSystem, until } from '../../tests/harness.ts';
import { films, secret, tokenOf, Visitor } from './testing.ts';

async function startSite(...names: string[]) {
  const system = await startSystem();
  const services = await system.start('gateway', 'movies', ...names);
  const [gateway] = services;
  for (const film of films) assert.equal((await post(`${gateway.url}/movies`, film)).status, 201);
  return {
    system,
    services,
    url: gateway.url,
    visitor: new Visitor(gateway.url),
    [Symbol.asyncDispose]: () => system[Symbol.asyncDispose](),
  };
}

test('lets a viewer find a film, sign in, like it, set a reminder, mark it as watched, and get help', async () => {
  await using site = await startSite('ranking', 'reminder', 'support', 'technical-support');
  const { visitor } = site;
  await visitor.waitFor('/', 'Blade Runner');

  const found = await visitor.open('/browse?genre=horror&minRating=8');
  assert.match(found.html, /href="\/film\/1"/);
  assert.doesNotMatch(found.html, /href="\/film\/2"/);
  assert.match((await visitor.open('/browse?q=blad+runer')).html, /href="\/film\/2"/);
  const both = await visitor.open('/browse?q=ridley+scott&genre=Horror');
  assert.match(both.html, /href="\/film\/1"/);
  assert.doesNotMatch(both.html, /href="\/film\/2"/, 'filters apply to a search');
  const film = await visitor.open('/film/1');
  assert.match(film.html, /<title>Alien · Marquee<\/title>/);
  assert.match(film.html, /More by Ridley Scott/);

  // A viewer who is not signed in is sent to sign in and back.
  const asked = await visitor.submit('/film/1/like', { back: '/film/1' }, { referer: `${site.url}/film/1` });
  assert.equal(asked.path, '/sign-in?next=%2Ffilm%2F1');
  const wrong = await visitor.submit('/sign-in', { name: ' ', next: '/film/1' });
  assert.deepEqual([wrong.status, /role="alert"/.test(wrong.html)], [400, true]);
  assert.match(wrong.html, /name="next" value="\/film\/1"/, 'keeps the path to continue at');
  const signedIn = await visitor.submit('/sign-in', { name: 'alice', zone: 'Europe/Berlin', next: '/film/1' });
  assert.equal(signedIn.path, '/film/1');
  assert.match(signedIn.html, /alice/);
  assert.match((await visitor.submit('/film/1/like', { back: '/film/1' })).html, /Liked/);
  assert.equal((await get(`${site.url}/votes/1?voterId=alice`)).body.liked, true);
  assert.match((await visitor.submit('/film/1/unlike', { back: '/film/1' })).html, />Like</);

  const late = await visitor.submit('/film/1/remind', { when: '2020-01-01T20:00', back: '/film/1' });
  assert.deepEqual([late.status, /Choose a time in the future/.test(late.html)], [400, true]);
  assert.doesNotMatch(
    late.html,
    /name="back" value="\/film\/1\/remind"/,
    'the path of a POST is not a page to go back to',
  );
  const next = `${new Date().getUTCFullYear() + 1}-07-01T20:00`;
  assert.match((await visitor.submit('/film/1/remind', { when: next, back: '/film/1' })).html, /On your list/);
  const { body } = await get<{ reminder: { remindAt: string } }>(`${site.url}/reminder/alice/1`);
  assert.equal(body.reminder.remindAt, `${next.slice(0, 11)}18:00:00.000Z`, 'reads the time in the zone of the viewer');
  assert.match((await visitor.open('/my-list')).html, /Coming up/);
  const watched = await visitor.submit('/film/1/watched', { back: '/my-list' });
  assert.doesNotMatch(watched.html, /Coming up/);
  assert.match((await visitor.submit('/film/1/unwatched', { back: '/my-list' })).html, /Nothing here yet/);
  assert.equal(
    (await visitor.submit('/film/1/forget', { back: '/my-list' })).status,
    200,
    'a double click does no harm',
  );

  assert.equal((await visitor.submit('/help', { message: '  ' })).status, 400);
  const ticket = await visitor.submit('/help', { message: '<b>No sound</b>', key: 'once' });
  assert.match(ticket.html, /&lt;b&gt;No sound/);
  const again = await visitor.submit('/help', { message: '<b>No sound</b>', key: 'once' });
  assert.equal(again.path, ticket.path, 'a double click opens no second ticket');
  for (const click of ['the first', 'a second']) {
    assert.match((await visitor.submit(`${ticket.path}/cancel`)).html, /Cancelled/, click);
  }
  // As if from another site that had not seen the cancellation.
  await site.system.publish(`support.hub.${ticket.path.split('/').at(-1)}.resolved`, { resolution: 'done' });
  const tooLate = /arrived too late: Resolved \(at hub, /;
  await until(async () => tooLate.test((await visitor.open(ticket.path)).html), 'the late event to be shown');
  assert.match((await visitor.open('/desk')).html, tooLate);

  const second = await visitor.submit('/help', { message: 'No picture', key: 'twice' });
  const answer = /action="(\/desk\/\w+\/resolve)"/;
  const order = await until(async () => answer.exec((await visitor.open('/desk')).html)?.[1], 'an order to be made');
  const resolve = (resolution: string) => visitor.submit(order, { resolution, back: '/desk' });
  for (const click of ['the first', 'a second']) assert.equal((await resolve('Done')).path, '/desk', click);
  assert.equal((await resolve('Another answer')).status, 409, 'an answer that is not stored is refused');
  assert.match((await visitor.open(second.path)).html, /Done/);

  assert.match((await visitor.submit('/sign-out')).html, /Sign in/);
  assert.equal((await visitor.open('/help/unknown-ticket')).path, '/sign-in?next=%2Fhelp%2Funknown-ticket');
});

test('escapes titles and sends the same strict content security policy on every page', async () => {
  await using site = await startSite('ranking');
  const { visitor } = site;
  await visitor.waitFor('/rankings', 'film/3');
  for (const path of [
    '/',
    '/browse',
    '/film/3',
    '/rankings?by=rating',
    '/browse?q=%3Cscript%3E',
    '/nowhere',
    '/sign-in',
  ]) {
    const { html, headers } = await visitor.open(path);
    assert.doesNotMatch(html, /<script>alert|<img src=x/, path);
    const policy = headers.get('content-security-policy') ?? '';
    assert.ok(policy.includes("default-src 'none'") && !policy.includes('unsafe'), path);
    assert.doesNotMatch(html, / style="| on[a-z]+="/, `${path} contains nothing that the policy forbids`);
  }
  const poster =
    /src="(\/poster\.svg[^"]+)"/.exec((await visitor.open('/film/3')).html)?.[1]?.replaceAll('&amp;', '&') ?? '';
  const { headers, html } = await visitor.open(poster);
  assert.match(headers.get('content-security-policy') ?? '', /sandbox/);
  assert.match(headers.get('cache-control') ?? '', /immutable/);
  assert.doesNotMatch(html, /<script/);
});

test('renders pages and names the missing services while services are down', async () => {
  await using site = await startSite('ranking', 'reminder');
  const { visitor, services } = site;
  const [, movies, ranking, reminder] = services;
  await visitor.submit('/sign-in', { name: 'alice' });
  await visitor.waitFor('/', 'Alien');
  await Promise.all([ranking?.stop(), reminder?.stop()]);
  const film = await visitor.open('/film/1');
  assert.equal(film.status, 200);
  assert.match(film.html, /Ridley Scott/);
  assert.match(film.html, /Likes and rankings are not available/);
  assert.match(film.html, /Your list is not available/);
  const liking = await visitor.submit('/film/1/like', { back: '/film/1' });
  assert.equal(liking.status, 503);
  assert.ok(liking.headers.get('retry-after'));
  assert.match(liking.html, /Nothing was lost/);
  assert.match(liking.html, /href="\/film\/1">Try again/);
  const signedOut = await new Visitor(site.url).submit('/film/1/like', { back: '/film/1' });
  assert.equal(signedOut.path, '/sign-in?next=%2Ffilm%2F1', 'also without a Referer');
  await movies?.stop();
  for (const path of ['/', '/browse', '/rankings', '/my-list', '/help']) {
    const { status, html } = await visitor.open(path);
    assert.equal(status, 200, path);
    assert.match(html, /(is|are) not available right now/, path);
  }
  assert.equal((await visitor.open('/film/1')).status, 503);
});

test('serves other requests while slow clients are sending forms', async () => {
  await using system = await startSystem();
  const gateway = await system.startReplica('gateway', { MAX_IN_FLIGHT: '3' });
  await gateway.ready;
  const { port, host } = new URL(gateway.url);
  const slow = Array.from({ length: 10 }, () => connect(Number(port), '127.0.0.1'));
  const head = `POST /sign-in HTTP/1.1\r\nHost: ${host}\r\nOrigin: ${gateway.url}\r\nContent-Length: 9\r\n`;
  for (const socket of slow) socket.write(`${head}Content-Type: application/x-www-form-urlencoded\r\n\r\nname`);
  // Waits until the server has handled the slow requests, which were sent earlier.
  await new Visitor(gateway.url).open('/help');
  assert.equal((await fetch(`${gateway.url}/help`)).status, 200);
  const [socket] = slow as [Socket, ...Socket[]];
  socket.write('=anna');
  const [reply] = (await once(socket, 'data')) as [Buffer];
  assert.match(String(reply), /^HTTP\/1\.1 303 /);
  for (const one of slow) one.destroy();
});

test('shows poster images from allowed origins and drawn posters otherwise', async () => {
  await using system = await startSystem();
  const allowed = await system.startReplica('gateway', { IMAGE_ORIGINS: 'https://images.example' });
  const [drawn] = await system.start('gateway', 'movies');
  await allowed.ready;
  await post(`${drawn.url}/movies`, { movieId: 1, title: 'Alien', posterUrl: 'https://images.example/1.jpg' });
  await post(`${drawn.url}/movies`, { movieId: 2, title: 'Aliens', posterUrl: 'https://elsewhere.example/2.jpg' });
  const film = async (url: string, movieId: number) => new Visitor(url).open(`/film/${movieId}`);
  const shown = await film(allowed.url, 1);
  assert.match(shown.html, /src="https:\/\/images\.example\/1\.jpg"/);
  assert.match(shown.headers.get('content-security-policy') ?? '', /img-src 'self' https:\/\/images\.example;/);
  assert.doesNotMatch((await film(allowed.url, 2)).html, /elsewhere\.example/);
  assert.doesNotMatch((await film(drawn.url, 1)).html, /images\.example/);
});

test('refuses forms from other sites', async () => {
  await using site = await startSite('ranking');
  const { visitor, url } = site;
  await visitor.submit('/sign-in', { name: 'alice' });
  const send = async (headers: Record<string, string>) => (await visitor.post('/film/1/like', {}, headers)).status;
  assert.equal(await send({}), 403, 'neither Origin nor Sec-Fetch-Site');
  assert.equal(await send({ origin: 'https://elsewhere.example' }), 403);
  assert.equal(await send({ origin: 'null' }), 403);
  assert.equal(await send({ 'sec-fetch-site': 'cross-site', origin: url }), 403);
  assert.equal((await get(`${url}/votes/1?voterId=alice`)).body.liked, false);
  assert.equal(await send({ origin: url }), 303);
  // As behind a proxy that terminates TLS.
  assert.equal(await send({ 'sec-fetch-site': 'same-origin', origin: url.replace('http', 'https') }), 303);
  for (const next of ['https://elsewhere.example/', '//elsewhere.example', '/\\elsewhere.example']) {
    assert.equal((await visitor.submit('/sign-in', { name: 'alice', next })).path, '/', next);
  }
});

test('ignores a forged session cookie, and sets the real one HttpOnly and encrypted', async () => {
  await using site = await startSite();
  const { url } = site;
  const stranger = new Visitor(url, { cookie: 'marquee=eyJhbGciOiJub25lIn0.eyJ1c2VyIjoiYWxpY2UifQ.' });
  assert.doesNotMatch((await stranger.open('/')).html, /alice/);
  const response = await new Visitor(url).post('/sign-in', { name: 'alice' }, { 'sec-fetch-site': 'same-origin' });
  const [cookie = ''] = response.headers.getSetCookie().filter((line) => line.startsWith('marquee='));
  assert.match(cookie, /HttpOnly/);
  assert.match(cookie, /SameSite=Lax/);
  assert.doesNotMatch(cookie, /alice/);
});

test('signs in by a link with a token, and hides the desk from viewers without a role', async () => {
  await using system = await startSystem();
  const replicas = await Promise.all(
    ['gateway', 'movies', 'ranking'].map((name) => system.startReplica(name, { JWT_SECRET: secret })),
  );
  await Promise.all(replicas.map(({ ready }) => ready));
  const [{ url }] = replicas as unknown as [{ url: string }];
  const token = await tokenOf('alice');
  const visitor = new Visitor(url);
  assert.match((await visitor.open(`/sign-in?token=${token}`)).html, /Sign in as alice\?/);
  assert.equal((await visitor.open(`/sign-in?token=${token}x`)).status, 400);
  assert.doesNotMatch((await visitor.submit('/sign-in', { token: `${token}x` })).html, /class="me"/);
  assert.match((await visitor.submit('/sign-in', { token })).html, /class="me"/);
  assert.doesNotMatch((await visitor.open('/')).html, /href="\/desk"/);
});

test('uses the language of the browser, and answers programs with problem details for unknown paths', async () => {
  await using site = await startSite();
  const { visitor, url } = site;
  const german = await visitor.open('/help', { 'accept-language': 'fr;q=0.9, de-AT;q=0.8, en;q=0.5' });
  assert.match(german.html, /<html lang="de">/);
  assert.match(german.html, /Hilfe/);
  assert.match((await visitor.open('/help', { 'accept-language': 'fr' })).html, /<html lang="en">/);
  assert.equal((await visitor.open('/nowhere')).status, 404);
  assert.equal((await get(`${url}/nowhere`)).body.code, 'not_found');
  for (const path of ['/film/1/nonsense', '/film/0', '/film/x', '/film/99', '/film/99999999999']) {
    assert.equal((await visitor.open(path)).status, 404, path);
  }
  const ask = async (method: string, path: string, headers = {}) => {
    const response = await fetch(url + path, { method, headers });
    return [response.status, response.headers.get('allow'), response.headers.get('content-type')];
  };
  assert.deepEqual(await ask('OPTIONS', '/browse'), [204, 'GET, HEAD', null]);
  assert.deepEqual(await ask('OPTIONS', '/help'), [204, 'GET, HEAD, POST', null]);
  const problems = 'application/problem+json';
  assert.deepEqual(await ask('PUT', '/help', { origin: url }), [405, 'GET, HEAD, POST', problems]);
  assert.deepEqual(await ask('GET', '/film/1/like', { accept: 'text/html' }), [
    405,
    'POST',
    'text/html; charset=UTF-8',
  ]);
  assert.equal((await ask('OPTIONS', '/nowhere'))[0], 404);
  assert.equal((await get(`${url}/movies/1`)).body.title, 'Alien', 'the API is unaffected');
});
