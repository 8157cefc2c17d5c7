/** The API documents of a service or of the gateway: /openapi.json, /asyncapi.json, and /docs to read and try them. */
import { createHash } from 'node:crypto';
import type { Hono } from 'hono';
import { createAsyncApi } from './asyncapi.ts';
import { addDocsPage } from './docs-page.ts';
import { createOpenApi, type DocumentOptions } from './openapi.ts';

/**
 * Adds the routes. Each document is made when it is first asked for, and kept.
 * @example addDocuments(app, { title: 'Marquee movies', version, description, services: [moviesContract] })
 */
export function addDocuments(app: Hono, options: DocumentOptions): void {
  serve(app, '/openapi.json', () => createOpenApi(options));
  serve(app, '/asyncapi.json', () => createAsyncApi(options));
  addDocsPage(app);
}

function serve(app: Hono, path: string, make: () => object): void {
  let made: { bytes: Uint8Array<ArrayBuffer>; headers: Record<string, string> } | undefined;
  app.get(path, (c) => {
    made ??= encoded(make());
    const { bytes, headers } = made;
    const isKnown = c.req.header('if-none-match')?.includes(headers.etag ?? '');
    return isKnown ? new Response(null, { status: 304, headers }) : new Response(bytes, { headers });
  });
}

function encoded(document: object) {
  const bytes = Buffer.from(JSON.stringify(document));
  const etag = `"${createHash('sha256').update(bytes).digest('base64url')}"`;
  return { bytes, headers: { 'content-type': 'application/json', 'cache-control': 'no-cache', etag } };
}
