/** The API documents of a service or of the gateway: /openapi.json, /asyncapi.json, and /docs to read and try them. */
import type { Hono } from 'hono';
import { etag } from 'hono/etag';
import { createAsyncApi } from './asyncapi.ts';
import { addDocsPage } from './docs-page.ts';
import { createOpenApi, type DocumentOptions } from './openapi.ts';

/**
 * Adds the routes. Each document is made when it is first asked for, and kept.
 * @example addDocuments(app, { title: 'Marquee movies', description, services: [moviesContract] })
 */
export function addDocuments(app: Hono, options: DocumentOptions): void {
  serve(app, '/openapi.json', () => createOpenApi(options));
  serve(app, '/asyncapi.json', () => createAsyncApi(options));
  addDocsPage(app);
}

function serve(app: Hono, path: string, make: () => object): void {
  let made: string | undefined;
  app.get(path, etag(), (c) => {
    made ??= JSON.stringify(make());
    return c.body(made, 200, { 'content-type': 'application/json', 'cache-control': 'no-cache' });
  });
}
