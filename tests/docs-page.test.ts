/** /docs in a real browser: it is complete, operations can be tried, and nothing is loaded from other hosts. */
import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, test } from 'vitest';
import type { OpenApiDocument } from '../docs/api/openapi-types.ts';
import { createToken } from '../shared/operations/create-token.ts';
import { startBrowser, withoutBrowser } from './chromium.ts';
import { documentedOperations } from './documented.ts';
import { get, post, type Replica, startSystem, until } from './harness.ts';

const withBrowser = { skip: withoutBrowser !== false };

const secret = 'a secret of at least thirty-two characters';
let browser: Browser;
const systems = new AsyncDisposableStack();
let gateway: Replica;
let movies: Replica;
/** Like `movies`, but with access control by tokens. */
let guarded: Replica;
beforeAll(async () => {
  if (!withBrowser.skip) browser = await startBrowser();
  const [open, closed] = [systems.use(await startSystem()), systems.use(await startSystem())];
  [gateway, movies] = await open.start('gateway', 'movies', 'ranking');
  guarded = await closed.startReplica('movies', { JWT_SECRET: secret });
  await guarded.ready;
});
afterAll(async () => {
  await browser?.close();
  await systems.disposeAsync();
});

/** Returns the id that Swagger UI gives an operation in the page. */
const blockId = (operationId: string, tag = operationId.split('.')[0]): string =>
  `operations-${tag}-${operationId.replaceAll('.', '\\.')}`;

/** Opens the page of a service, and collects its errors and its requests to other hosts. */
async function openDocs(url: string) {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  const complaints: string[] = [];
  const elsewhere: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) elsewhere.push(request.url());
  });
  await page.goto(`${url}/docs`);
  await page.locator('.opblock').first().waitFor();
  return {
    page,
    elsewhere,
    complaints,
    /** Sets the caller of the following requests: a token or a user id. */
    async authorize(value: string): Promise<void> {
      await page.locator('.auth-wrapper .authorize').click();
      await page.locator('.dialog-ux input').fill(value);
      await page.getByRole('button', { name: 'Apply credentials' }).click();
      await page.locator('.dialog-ux .btn-done').click();
    },
    /** Sends the example of an operation, or another body, and returns the answer shown. */
    async attempt(operationId: string, body?: string): Promise<string> {
      const block = page.locator(`[id=${JSON.stringify(blockId(operationId))}]`);
      if (!(await block.locator('.execute').isVisible())) await block.locator('.opblock-summary').click();
      if (body !== undefined) await block.locator('.body-param__text').fill(body);
      const responded = page.waitForResponse((response) => response.request().resourceType() === 'fetch');
      await block.locator('.execute').click();
      const status = String((await responded).status());
      const shown = block.locator('.live-responses-table');
      await until(async () => ((await shown.textContent()) ?? '').includes(status), `${operationId} to be answered`);
      return (await shown.textContent()) ?? '';
    },
    [Symbol.asyncDispose]: () => page.close(),
  };
}

test.concurrent('the page of the gateway shows and tries every kind of operation', withBrowser, async () => {
  await post(`${movies.url}/movies`, { movieId: 1, title: 'Alien <b>&', genres: ['Horror'] });
  const { body: document } = await get<OpenApiDocument>(`${gateway.url}/openapi.json`);
  await using docs = await openDocs(gateway.url);

  const shown = await docs.page.locator('.opblock').evaluateAll((blocks) => blocks.map(({ id }) => id));
  const expected = documentedOperations(document).map(({ operation }) =>
    blockId(operation.operationId, operation.tags[0]),
  );
  assert.deepEqual(shown.sort(), expected.sort());

  assert.match(await docs.attempt('movies.get'), /"title": "Alien <b>&"/);
  assert.match(await docs.attempt('movies.add'), /location: \/movies\/900001/);
  await docs.authorize('bob');
  assert.match(await docs.attempt('ranking.like', '{}'), /"liked": true/);
  assert.equal((await get(`${gateway.url}/votes/1?voterId=bob`)).body.liked, true);

  assert.deepEqual([docs.elsewhere, docs.complaints], [[], []]);
});

test.concurrent('an operation that needs a token is tried with one', withBrowser, async () => {
  await using docs = await openDocs(guarded.url);
  assert.match(await docs.attempt('movies.add'), /"code": "unauthenticated"/);
  const access = { secret, jwksUrl: undefined, issuer: undefined, audience: undefined, clockToleranceS: 0 };
  await docs.authorize(await createToken({ access }, { userId: 'root', roles: ['admin'], expiresIn: '1h' }));
  assert.match(await docs.attempt('movies.add'), /location: \/movies\/900001/);
});

test("the page's content security policy allows only its own files, script and origin", async () => {
  const { status, headers } = await get(`${movies.url}/docs`);
  assert.equal(status, 200);
  const policy = headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'/);
  assert.ok(!policy.includes('unsafe'));
  const script = `${movies.url}/docs/swagger-ui-bundle.js`;
  const first = await fetch(script);
  assert.match(await first.text(), /SwaggerUIBundle/);
  const again = await fetch(script, { headers: { 'if-none-match': first.headers.get('etag') ?? '' } });
  assert.equal(again.status, 304);
});

test('the document of a service requires tokens unless it runs with open access', async () => {
  const documentOf = async (url: string) => (await get<OpenApiDocument>(`${url}/openapi.json`)).body;
  const without = await documentOf(movies.url);
  assert.deepEqual(Object.keys(without.components.securitySchemes), ['user']);
  assert.ok(!JSON.stringify(without).includes('bearer'));
  for (const { operation } of documentedOperations(without)) assert.deepEqual(operation.security?.[0], {});
  const within = await documentOf(guarded.url);
  assert.deepEqual(Object.keys(within.components.securitySchemes), ['bearer']);
  assert.deepEqual(within.paths['/movies']?.post?.security, [{ bearer: [] }]);
});
