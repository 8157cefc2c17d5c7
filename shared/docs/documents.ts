/** The API documents of a service or of the gateway: /openapi.json, /asyncapi.json, and /docs to read and try them. */
import { createHash } from 'node:crypto';
import type { Context, Hono } from 'hono';
import { type AsyncApiOptions, createAsyncApi } from './asyncapi.ts';
import { addDocsPage } from './docs-page.ts';
import { type ApiOptions, createOpenApi } from './openapi.ts';

export type DocumentOptions = ApiOptions & AsyncApiOptions;

interface Made {
  body: string;
  etag: string;
}

/**
 * Adds the routes. Each document is made when it is first asked for, and kept.
 * @example addDocuments(app, { title: 'Marquee movies', version, description, services: [moviesContract] })
 */
export function addDocuments(app: Hono, options: DocumentOptions): void {
  serveOnce(app, '/openapi.json', () => createOpenApi(options));
  serveOnce(app, '/asyncapi.json', () => createAsyncApi(options));
  addDocsPage(app);
}

function serveOnce(app: Hono, path: string, make: () => object): void {
  const made = once((): Made => {
    const body = JSON.stringify(make());
    return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
  });
  app.get(path, (c: Context) => {
    const { body, etag } = made();
    const headers = { 'content-type': 'application/json', 'cache-control': 'no-cache', etag };
    if (c.req.header('if-none-match') === etag) return new Response(null, { status: 304, headers });
    return new Response(body, { headers });
  });
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
