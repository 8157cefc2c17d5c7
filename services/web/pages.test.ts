/** Tests of the pages without running services. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Connection } from '../../shared/broker/connection.ts';
import { startTelemetry } from '../../shared/observe/telemetry.ts';
import { AppError } from '../../shared/operations/errors.ts';
import { createIdentity } from '../../shared/operations/identity.ts';
import { readConfig } from '../../shared/process/config.ts';
import { createLogger } from '../../shared/process/log.ts';
import { temporaryFolder } from '../../tests/folder.ts';
import { type Ask, createPages } from './pages.ts';

interface Options {
  ask?: Ask;
  requestTimeoutMs?: number;
  env?: Record<string, string>;
}

async function openPages({ ask, requestTimeoutMs = 5000, env = {} }: Options = {}) {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder());
  const config = { ...readConfig({ ...env, DATA_DIR: folder.path }), requestTimeoutMs };
  const log = createLogger('test', 'silent');
  const notAsked = () => Promise.reject(new Error('unexpected request to a service'));
  const pages = createPages({
    ask: ask ?? notAsked,
    api: notAsked,
    identity: createIdentity(config, log),
    config,
    telemetry: stack.use(await startTelemetry('web', config, log)),
    log,
    connection: {} as Connection,
    stack,
    services: [],
  });
  const headers = { accept: 'text/html', 'sec-fetch-site': 'same-origin' };
  return {
    open: (path: string, cookie = '') => pages.request(path, { headers: { ...headers, cookie } }),
    submit: (path: string, fields: Record<string, string>, more = {}) =>
      pages.request(path, { method: 'POST', body: new URLSearchParams(fields), headers: { ...headers, ...more } }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test('answers 503 when a request times out while it waits for its turn', async () => {
  await using pages = await openPages({ requestTimeoutMs: -1 });
  const { status, headers } = await pages.open('/help');
  assert.deepEqual([status, headers.get('retry-after')], [503, '1']);
});

test('keeps the text of a form on the page when the viewer has to sign in again', async () => {
  await using pages = await openPages();
  const fields = { message: 'No "sound"\r\nsince <b>today</b>', key: 'once', back: '/help' };
  const kept = await pages.submit('/help', fields);
  const html = await kept.text();
  assert.equal(kept.status, 401);
  assert.match(html, /<form class="failure" method="post" action="\/help">/);
  assert.match(html, /name="message" value="No &quot;sound&quot;\r\nsince &lt;b&gt;today&lt;\/b&gt;"/);
  for (const name of ['key', 'back']) assert.match(html, new RegExp(`name="${name}"`));
  assert.match(html, /href="\/sign-in" target="_blank"/);
  // Other sites cannot inject text into that page, and a form that is only a button redirects to sign-in.
  const foreign = await pages.submit('/help', fields, { 'sec-fetch-site': 'cross-site' });
  assert.equal(foreign.status, 403);
  assert.doesNotMatch(await foreign.text(), /sound/);
  const liked = await pages.submit('/film/1/like', { back: '/film/1' });
  assert.deepEqual([liked.status, liked.headers.get('location')], [303, '/sign-in?next=%2Ffilm%2F1']);
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`f${n}`, '']));
  assert.equal((await pages.submit('/help', many)).status, 303, 'no form has that many fields');
});

test('scales the timeout of page parts with the request timeout', async () => {
  const asked = new Set<number>();
  await using pages = await openPages({
    requestTimeoutMs: 10_000,
    ask: (_, __, { timeoutMs }) => {
      asked.add(timeoutMs);
      throw new AppError('unavailable', 'The service is not running.');
    },
  });
  assert.equal((await pages.open('/')).status, 200);
  assert.deepEqual([...asked], [1600]);
});

test('ignores a year filter that is not a valid year', async () => {
  const asked: unknown[] = [];
  await using pages = await openPages({
    ask: ({ subject }, { year }) => {
      if (subject === 'movies.list') asked.push(year);
      return Promise.resolve({ output: { items: [], next: null } });
    },
  });
  for (const year of ['1999', '0000', '99']) assert.equal((await pages.open(`/browse?year=${year}`)).status, 200);
  assert.deepEqual(asked, [1999, undefined, undefined]);
});

test('pages the list and the watched films independently', async () => {
  const asked: unknown[] = [];
  await using pages = await openPages({
    ask: ({ subject }, { cursor = null }) => {
      if (!/list|watched/.test(subject)) throw new AppError('not_found', 'There is no such movie.');
      asked.push([subject, cursor]);
      const watched = [{ movieId: 7, title: 'Alien', watchedAt: '2026-01-01T00:00:00.000Z' }];
      return Promise.resolve({ output: { items: subject === 'reminder.watched' ? watched : [], next: `${subject}+` } });
    },
  });
  const signedIn = await pages.submit('/sign-in', { name: 'alice' });
  const cookie = signedIn.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
  const html = await (await pages.open('/my-list?cursor=a&watchedCursor=b', cookie)).text();
  assert.deepEqual(asked, [
    ['reminder.list', 'a'],
    ['reminder.watched', 'b'],
  ]);
  const links = [...html.matchAll(/rel="next" href="([^"]+)"/g)].map(([, href]) => href?.replace('&amp;', '&'));
  assert.deepEqual(links, [
    '/my-list?watchedCursor=b&cursor=reminder.list%2B',
    '/my-list?cursor=a&watchedCursor=reminder.watched%2B',
  ]);
});

test('offers to sign in at the provider when a sign-in link is no longer valid', async () => {
  const oidc = { OIDC_ISSUER: 'https://id.example', OIDC_CLIENT_ID: 'marquee', OIDC_CLIENT_SECRET: 'x' };
  await using pages = await openPages({ env: { ...oidc, JWT_SECRET: 'a secret of at least thirty-two characters' } });
  for (const response of [await pages.open('/sign-in?token=x'), await pages.submit('/sign-in', { token: 'x' })]) {
    assert.equal(response.status, 400);
    assert.match(await response.text(), /href="\/sign-in\/start\?/);
  }
});
