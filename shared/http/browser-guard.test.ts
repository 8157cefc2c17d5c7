/** The checks in front of every route, over a real connection. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { Hono } from 'hono';
import { afterAll, beforeAll, test } from 'vitest';
import { guard } from './browser-guard.ts';
import { type Server, serve } from './server.ts';

const servers: Record<'open' | 'keyed', Server> = {} as never;

beforeAll(async () => {
  const app = new Hono();
  for (const path of ['/movies/1', '/healthz']) app.all(path, (c) => c.text(c.req.method));
  const options = { corsOrigins: ['https://pages.example'], allowedHosts: ['films.example', '::1'] };
  servers.open = await serve(guard(app, { ...options, open: true }), '127.0.0.1', 0);
  servers.keyed = await serve(guard(app, { ...options, open: false }), '127.0.0.1', 0);
});
afterAll(() => Promise.all(Object.values(servers).map((server) => server.close(0))));

/** Sends a request with these headers, which must include Host. @returns the whole response as text */
async function send(mode: 'open' | 'keyed', line: string, headers: Record<string, string>): Promise<string> {
  const socket = connect(servers[mode].port, '127.0.0.1');
  const lines = Object.entries({ Connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`${line} HTTP/1.1\r\n${lines.join('')}\r\n`);
  return text(socket);
}

async function statusOf(mode: 'open' | 'keyed', line: string, headers: Record<string, string>): Promise<number> {
  return Number((await send(mode, line, headers)).split(' ')[1]);
}

const change = 'DELETE /movies/1';

test('only known names are accepted as Host while access is open', async () => {
  for (const host of ['localhost', 'LocalHost:8080', '127.0.0.1:8080', '[::1]:8080', 'films.example']) {
    assert.equal(await statusOf('open', change, { Host: host }), 200, host);
  }
  for (const host of ['evil.example', 'evil.example:8080', 'localhost.evil.example', '127.0.0.1.evil.example']) {
    for (const line of [change, 'GET /movies/1']) {
      assert.equal(await statusOf('open', line, { Host: host }), 403, host);
      assert.equal(await statusOf('open', line, { Host: host, Origin: `http://${host}` }), 403, host);
      assert.equal(await statusOf('keyed', line, { Host: host }), 200, 'any Host is accepted with tokens');
    }
    assert.equal(await statusOf('open', 'GET /healthz', { Host: host }), 200, 'probes may use any Host');
  }
});

test('a request with two Host headers is refused', async () => {
  for (const [first, second] of [
    ['localhost', 'evil.example'],
    ['evil.example', 'localhost'],
  ]) {
    for (const mode of ['open', 'keyed'] as const) {
      assert.equal(await statusOf(mode, change, { Host: `${first}`, host: `${second}` }), 400);
    }
  }
});

test('pages of other sites may not change anything, with or without an Origin header', async () => {
  const host = { Host: 'localhost' };
  const own = { ...host, Origin: 'http://localhost' };
  const friend = { ...host, Origin: 'https://pages.example' };
  const other = { ...host, Origin: 'https://evil.example' };
  const cases: [Record<string, string>, number][] = [
    [host, 200],
    [own, 200],
    [friend, 200],
    [other, 403],
    [{ ...host, 'Sec-Fetch-Site': 'none' }, 200],
    [{ ...own, 'Sec-Fetch-Site': 'same-origin' }, 200],
    [{ ...friend, 'Sec-Fetch-Site': 'cross-site' }, 200],
    [{ ...host, 'Sec-Fetch-Site': 'cross-site' }, 403],
    [{ ...host, 'Sec-Fetch-Site': 'same-site' }, 403],
    [{ ...own, 'Sec-Fetch-Site': 'same-site' }, 403],
    [{ ...other, 'Sec-Fetch-Site': 'cross-site' }, 403],
  ];
  for (const mode of ['open', 'keyed'] as const) {
    for (const [headers, status] of cases) {
      assert.equal(await statusOf(mode, change, headers), status, JSON.stringify(headers));
      assert.equal(await statusOf(mode, 'GET /movies/1', headers), 200, 'reads are allowed');
    }
  }
});

test('a URL or headers that are too long are refused with the limit', async () => {
  const headers = { Host: 'localhost' };
  const long = await send('open', `GET /movies/1?q=${'x'.repeat(9000)}`, headers);
  assert.match(long, /^HTTP\/1\.1 400 .*8192 characters/s);
  for (const size of [70_000, 400_000]) {
    const many = await send('open', 'GET /movies/1', { ...headers, Authorization: `Bearer ${'x'.repeat(size)}` });
    assert.match(many, /^HTTP\/1\.1 431 .*65536 bytes/s);
  }
});

test('an invalid Host is answered with a problem on every path', async () => {
  for (const path of ['/movies/1', '/healthz', '/nothing']) {
    const reply = await send('keyed', `GET ${path}`, { Host: 'a b' });
    assert.match(reply, /^HTTP\/1\.1 400 .*application\/problem\+json.*Host/s, path);
  }
  assert.match(await send('keyed', 'no request', {}), /^HTTP\/1\.1 400 .*application\/problem\+json/s);
});

test('changes are refused when the Host has an invalid port', async () => {
  const url = 'http://films.example:99999/movies/1';
  const options = { corsOrigins: ['https://pages.example'], allowedHosts: ['films.example'], open: true };
  const guarded = guard(
    new Hono().all('/movies/1', (c) => c.text('')),
    options,
  );
  for (const [method, status] of [
    ['GET', 200],
    ['DELETE', 403],
  ] as const) {
    // A plain object as on Deno, because Node's Request rejects such a URL.
    const request = { url, method, headers: new Headers({ origin: 'http://films.example' }) };
    assert.equal((await guarded(request as Request, {})).status, status, method);
  }
});
