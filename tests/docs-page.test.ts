/** /docs in a real browser: everything is there, operations can be tried, and nothing comes from elsewhere. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { docsPage } from '../shared/docs/docs-page.ts';
import { createOpenApi } from '../shared/docs/openapi.ts';
import type { OpenApiDocument } from '../shared/docs/types.ts';
import { startBrowser, withoutBrowser } from './chromium.ts';
import { operationsOf } from './documented.ts';
import { get, post, startSystem, until } from './harness.ts';

test('the page of the gateway shows and tries every kind of operation', {
  skip: withoutBrowser !== false,
}, async () => {
  await using system = await startSystem();
  const [gateway, movies] = await system.start('gateway', 'movies', 'ranking');
  await post(`${movies.url}/movies`, { movieId: 1, title: 'Alien <b>&', genres: ['Horror'] });
  const { body: document } = await get<OpenApiDocument>(`${gateway.url}/openapi.json`);
  await using browser = await startBrowser();
  const page = await browser.newPage();
  const complaints: string[] = [];
  const elsewhere: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(gateway.url)) elsewhere.push(request.url());
  });
  await page.goto(`${gateway.url}/docs`);

  const shown = await page.locator('article').evaluateAll((articles) => articles.map(({ id }) => id));
  assert.deepEqual(
    [...shown].sort(),
    operationsOf(document)
      .map(({ operation }) => operation.operationId)
      .sort(),
  );

  const open = (operationId: string): Promise<void> => page.locator(`nav a[href="#${operationId}"]`).click();
  const attempt = async (operationId: string, expected: RegExp): Promise<string> => {
    const article = page.locator(`article[id="${operationId}"]`);
    await article.getByRole('button', { name: 'Send' }).click();
    const result = article.locator('.result');
    await until(async () => expected.test((await result.textContent()) ?? ''), `${operationId} to answer`);
    return (await result.textContent()) ?? '';
  };
  await open('movies.get');
  assert.match(await attempt('movies.get', /200 OK/), /"title": "Alien <b>&"/);
  await open('movies.add');
  assert.match(await attempt('movies.add', /201 Created/), /location: \/movies\/900001/);
  await open('movies.list');
  await page.locator('article[id="movies.list"] input[name=limit]').fill('many');
  assert.match(await attempt('movies.list', /400 Bad Request/), /"code": "invalid"/);
  await open('ranking.like');
  await page.locator('#user').fill('bob');
  const body = page.getByLabel('Body of ranking.like', { exact: true });
  await body.fill('{}');
  assert.match(await attempt('ranking.like', /200 OK/), /X-User-Id: bob/);
  assert.equal((await get(`${gateway.url}/votes/1?voterId=bob`)).body.liked, true);

  assert.deepEqual(elsewhere, []);
  // A refusal is logged by the browser as an error; anything else would be a break of the page's policy.
  assert.deepEqual(
    complaints.filter((text) => !text.includes('status of 400')),
    [],
  );
});

test('text of the document cannot become markup of the page', async () => {
  const mean = '</script><img src=x onerror=alert(1)>"\'';
  const document = createOpenApi({
    title: mean,
    version: mean,
    description: mean,
    services: [{ name: mean, description: mean, contract: {}, events: [] }],
  });
  const page = await docsPage(document);
  assert.ok(!page.includes('<img'));
  assert.equal(page.match(/<\/script>/g)?.length, 1);
});

test('the page allows nothing but its own style, script and origin', async () => {
  await using system = await startSystem();
  const [movies] = await system.start('movies');
  const { status, headers } = await get(`${movies.url}/docs`);
  assert.equal(status, 200);
  const policy = headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'/);
  assert.ok(!policy.includes('unsafe'));
  const again = await get(`${movies.url}/docs`, { 'if-none-match': headers.get('etag') ?? '' });
  assert.equal(again.status, 304);
});
