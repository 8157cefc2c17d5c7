/** The API documents of a service or of the gateway: /openapi.json, /asyncapi.json, and /docs to read and try them. */
import { createHash } from 'node:crypto';
import type { Context, Hono } from 'hono';
import { type AsyncApiOptions, createAsyncApi } from './asyncapi.ts';
import { docsPage } from './docs-page.ts';
import { docsScript } from './docs-script.ts';
import { docsStyle } from './docs-style.ts';
import { type ApiOptions, createOpenApi } from './openapi.ts';

export type DocumentOptions = ApiOptions & AsyncApiOptions;

const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Nothing but the page's own style and script, and requests to where it came from. */
const pagePolicy = [
  "default-src 'none'",
  `style-src ${hash(docsStyle)}`,
  `script-src ${hash(docsScript)}`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

interface Made {
  body: string;
  etag: string;
}

/**
 * Adds the routes. Each document is made when it is first asked for, and kept.
 * @example addDocuments(app, { title: 'Marquee movies', version, description, services: [moviesApi] })
 */
export function addDocuments(app: Hono, options: DocumentOptions): void {
  const openApi = once(() => createOpenApi(options));
  serveOnce(app, '/openapi.json', { 'content-type': 'application/json' }, () => JSON.stringify(openApi()));
  serveOnce(app, '/asyncapi.json', { 'content-type': 'application/json' }, () =>
    JSON.stringify(createAsyncApi(options)),
  );
  const pageHeaders = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': pagePolicy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
  serveOnce(app, '/docs', pageHeaders, () => docsPage(openApi()));
}

function serveOnce(
  app: Hono,
  path: string,
  headers: Record<string, string>,
  make: () => string | Promise<string>,
): void {
  const made = once(async (): Promise<Made> => {
    const body = await make();
    return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
  });
  app.get(path, async (c: Context) => {
    const { body, etag } = await made();
    const all = { ...headers, etag, 'cache-control': 'no-cache' };
    if (c.req.header('if-none-match') === etag) return new Response(null, { status: 304, headers: all });
    return new Response(body, { headers: all });
  });
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
