import assert from 'node:assert/strict';
import { Hono } from 'hono';
import { test } from 'vitest';
import { addDocuments } from './documents.ts';

test('a document that a client has is not sent again', async () => {
  const app = new Hono();
  addDocuments(app, { title: 'None', description: 'Of no service', services: [] });
  for (const path of ['/openapi.json', '/asyncapi.json']) {
    const first = await app.request(path);
    assert.equal(first.headers.get('content-type'), 'application/json');
    assert.equal(((await first.json()) as { info: { title: string } }).info.title, 'None');
    const etag = first.headers.get('etag') ?? '';
    const again = await app.request(path, { headers: { 'if-none-match': `"other", ${etag}` } });
    assert.deepEqual([again.status, again.headers.get('etag'), await again.text()], [304, etag, '']);
  }
});
