import assert from 'node:assert/strict';
import { Hono } from 'hono';
import { test } from 'vitest';
import { decodePosition, encodePosition } from '../operations/position.ts';
import { addDocuments } from './documents.ts';
import { commonParameters } from './headers.ts';

test('a document is answered with 304 when the client already has it', async () => {
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

test('the longest accepted position matches the documented pattern', () => {
  const parameter = commonParameters.find(({ name }) => name === 'Marquee-Position') as { schema: { pattern: string } };
  const place = (n: number) => ({
    stream: `CATALOGUE_${'x'.repeat(64)}${n}`,
    sequence: 999_999_999_999_999,
    tag: 'mR3k2x9q',
  });
  const longest = encodePosition(Array.from({ length: 64 }, (_, n) => place(n)));
  assert.equal(decodePosition(longest).length, 64);
  assert.match(longest, new RegExp(parameter.schema.pattern));
});
