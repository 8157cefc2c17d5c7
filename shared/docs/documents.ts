/** Serves the API documents of a service or of the gateway: /openapi.json, /asyncapi.json and the page /docs. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Hono } from 'hono';
import { etag } from 'hono/etag';
import { createAsyncApi } from './asyncapi.ts';
import { createOpenApi, type DocumentOptions } from './openapi.ts';

/** This path is valid in the sources and in each folder of the bundle, where the build copies the two files. */
const folder = new URL('../../node_modules/swagger-ui-dist/', import.meta.url);
const files = { 'swagger-ui.css': 'text/css', 'swagger-ui-bundle.js': 'text/javascript' };

/** `validatorUrl: null`, because Swagger UI otherwise has the document checked by an external validator. */
const script = `
SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  displayOperationId: true,
  displayRequestDuration: true,
  docExpansion: 'list',
  tryItOutEnabled: true,
  validatorUrl: null,
});
`;

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Marquee API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script>${script}</script>
</body>
</html>
`;

/** Content security policy: only files and requests of the page's own origin. */
const policy = [
  "default-src 'none'",
  "style-src 'self'",
  `script-src 'self' 'sha256-${createHash('sha256').update(script).digest('base64')}'`,
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const headers = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

/**
 * Adds the routes. Each document is created on the first request for it, and then cached.
 * @example addDocuments(app, { title: 'Marquee movies', description, services: [moviesContract] })
 */
export function addDocuments(app: Hono, options: DocumentOptions): void {
  serve(app, '/openapi.json', () => createOpenApi(options));
  serve(app, '/asyncapi.json', () => createAsyncApi(options));
  // Swagger UI with its files served from the npm package rather than from a CDN.
  app.get('/docs', (c) => c.html(page, 200, headers));
  for (const [name, type] of Object.entries(files)) {
    app.get(`/docs/${name}`, etag(), async (c) =>
      c.body(await readFile(new URL(name, folder)), 200, { ...headers, 'content-type': `${type}; charset=utf-8` }),
    );
  }
}

function serve(app: Hono, path: string, make: () => object): void {
  let made: string | undefined;
  app.get(path, etag(), (c) => {
    made ??= JSON.stringify(make());
    return c.body(made, 200, { 'content-type': 'application/json', 'cache-control': 'no-cache' });
  });
}
