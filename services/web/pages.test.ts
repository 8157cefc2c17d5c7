/** Tests of the pages without running services. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'vitest';
import type { Connection } from '../../shared/broker/connection.ts';
import { startTelemetry } from '../../shared/observe/telemetry.ts';
import { createToken } from '../../shared/operations/create-token.ts';
import { AppError, type ErrorCode } from '../../shared/operations/errors.ts';
import { createIdentity } from '../../shared/operations/identity.ts';
import { readConfig } from '../../shared/process/config.ts';
import { createLogger } from '../../shared/process/log.ts';
import { temporaryFolder } from '../../tests/folder.ts';
import { until } from '../../tests/until.ts';
import { type Ask, createPages } from './pages.ts';
import { Sessions } from './sign-in/session.ts';

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
    open: (path: string, more = {}) => pages.request(path, { headers: { ...headers, ...more } }),
    submit: (path: string, fields: Record<string, string>, more = {}) =>
      pages.request(path, { method: 'POST', body: new URLSearchParams(fields), headers: { ...headers, ...more } }),
    upload: (path: string, field: string) => {
      const body = new FormData();
      body.set(field, new File(['title'], 'films.csv'));
      return pages.request(path, { method: 'POST', body, headers });
    },
    /** Signs in with a name. @returns the cookies */
    signIn: async (): Promise<{ cookie: string }> => {
      const body = new URLSearchParams({ name: 'alice' });
      const signedIn = await pages.request('/sign-in', { method: 'POST', body, headers });
      return { cookie: cookiesOf(signedIn) };
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const secret = 'a secret of at least thirty-two characters';
const oidc = { OIDC_ISSUER: 'https://id.example', OIDC_CLIENT_ID: 'marquee', OIDC_CLIENT_SECRET: 'x' };

const cookiesOf = ({ headers }: Response): string =>
  headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');

/** Refuses every request to a service. */
const refusing = (code: ErrorCode) => () => Promise.reject(new AppError(code, 'an English detail'));

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
  assert.match(html, /<form method="post" action="\/help">/);
  assert.match(html, /name="message" value="No &quot;sound&quot;\nsince &lt;b&gt;today&lt;\/b&gt;"/);
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

test('offers to send a form again when a service is unavailable', async () => {
  await using pages = await openPages({ ask: refusing('unavailable') });
  const failed = await pages.submit('/help', { message: 'No sound', key: 'once' }, await pages.signIn());
  assert.equal(failed.status, 503);
  assert.match(
    await failed.text(),
    /<form method="post" action="\/help"><input type="hidden" name="message" value="No sound"/,
  );
});

test.each(['invalid', 'idempotency_key_reused'] as const)('shows the form again when its text is %s', async (code) => {
  await using pages = await openPages({ ask: ({ kind }) => refusing(kind === 'command' ? code : 'unavailable')() });
  const shown = await pages.submit('/help', { message: 'No sound', key: 'once' }, await pages.signIn());
  assert.equal(shown.status, 400);
  const html = await shown.text();
  assert.match(html, /role="alert">[^<]+<.*<textarea[^>]+>No sound</);
  assert.doesNotMatch(html, /value="once"/, 'with another key');
});

test('refuses files in place of text, and names without a visible character', async () => {
  await using pages = await openPages();
  for (const [path, field] of [
    ['/sign-in', 'name'],
    ['/sign-in', 'zone'],
    ['/help', 'message'],
    ['/film-new', 'title'],
    ['/film/1/remind', 'when'],
    ['/import', 'map'],
  ] as const) {
    assert.equal((await pages.upload(path, field)).status, 400, `${path} ${field}`);
  }
  assert.equal((await pages.submit('/sign-in', { name: '\u200b' })).status, 400);
});

test.each(['not_found', 'invalid'] as const)('explains %s in the language of the viewer', async (code) => {
  await using pages = await openPages({ ask: refusing(code) });
  const german = { 'accept-language': 'de' };
  for (const path of ['/film/99', '/nowhere']) {
    const html = await (await pages.open(path, german)).text();
    assert.match(html, /<html lang="de">.*class="failure"/);
    assert.doesNotMatch(html, /English detail|There is no/, path);
  }
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
  const html = await (await pages.open('/my-list?cursor=a&watchedCursor=b', await pages.signIn())).text();
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

test('does not wait for a provider that does not answer, and signs in again when it does', async () => {
  let silent = true;
  const held: (() => void)[] = [];
  await using server = createServer(({ url }, response) => {
    const issuer = `http://${address}`;
    const metadata = { issuer, token_endpoint: `${issuer}/token`, authorization_endpoint: `${issuer}/authorize` };
    const tokens = { access_token: 'a', token_type: 'bearer', refresh_token: 'next' };
    const answer = (): void => {
      response.setHeader('content-type', 'application/json').end(JSON.stringify(url === '/token' ? tokens : metadata));
    };
    if (silent) held.push(answer);
    else answer();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = { ...oidc, OIDC_ISSUER: `http://${address}`, JWT_SECRET: secret };
  await using pages = await openPages({ env, requestTimeoutMs: 500 });
  const config = readConfig(env);
  const token = await createToken(config, { userId: 'alice', roles: [], expiresIn: '-1h' });
  const cookie = `marquee=${await new Sessions(config).seal({ token, refresh: 'first' }, 60)}`;
  const open = async () => (await pages.open('/sign-in', { cookie })).text();
  assert.match(await open(), /Your sign-in cannot be renewed right now/);
  silent = false;
  for (const answer of held) answer();
  await until(async () => (await open()).includes('Signed in as alice'), 'the viewer to be signed in');
});

test('offers to sign in at the provider when a sign-in link is no longer valid', async () => {
  await using pages = await openPages({ env: { ...oidc, JWT_SECRET: secret } });
  for (const response of [
    await pages.open('/sign-in?token=x'),
    await pages.submit('/sign-in', { token: 'x' }),
    await pages.open('/sign-in/back?code=x&state=y'),
  ]) {
    assert.equal(response.status, 400);
    assert.match(await response.text(), /href="\/sign-in\/start\?/);
  }
});
