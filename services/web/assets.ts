/** The style sheet and the script of the pages. Paths contain a hash for caches, except those of unbundled scripts. */
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { gzipSync } from 'node:zlib';
import type { Hono } from 'hono';

/** Resolves to services/web/ from both this source file and the bundle's folders. */
const folder = new URL('../../services/web/', import.meta.url);

interface Asset {
  path: string;
  type: string;
  plain: Buffer<ArrayBuffer>;
  gzipped: Buffer<ArrayBuffer>;
}

/** Paths that the layout links to. */
export interface AssetPaths {
  style: string;
  script: string;
}

/** Adds the asset routes. The bundle has one script file; from source each module is served with its types stripped. */
export function addAssets<E extends object>(pages: Hono<E>): AssetPaths {
  const read = (path: string): string => readFileSync(new URL(path, folder), 'utf8');
  const style = asset('style.css', 'text/css', namesIn('style', '*.css').map(read).join('\n'));
  const isBuilt = existsSync(new URL('browser/app.js', folder));
  const modules = isBuilt
    ? [asset('app.js', 'text/javascript', read('browser/app.js'))]
    : namesIn('browser', '!(*.test).ts').map((name) =>
        asset(name, 'text/javascript', stripTypeScriptTypes(read(name)), false),
      );
  for (const one of [style, ...modules]) pages.get(one.path, (c) => send(one, c.req.header('accept-encoding')));
  pages.get('/favicon.ico', () => new Response(icon, { headers: { 'content-type': 'image/svg+xml', ...forADay } }));
  pages.get('/robots.txt', (c) => c.text('User-agent: *\nDisallow: /desk\nDisallow: /status\n', 200, forADay));
  const script = isBuilt ? modules[0] : modules.find(({ path }) => path.endsWith('/app.ts'));
  if (!script) throw new Error('services/web/browser has no app.ts or app.js: the script of the pages is missing');
  return { style: style.path, script: script.path };
}

const forADay = { 'cache-control': 'public, max-age=86400' };

function namesIn(name: string, pattern: string): string[] {
  return globSync(pattern, { cwd: new URL(`${name}/`, folder) })
    .sort()
    .map((file) => `${name}/${file}`);
}

function asset(name: string, type: string, text: string, hashed = true): Asset {
  const plain = Buffer.from(text);
  const hash = createHash('sha256').update(plain).digest('base64url').slice(0, 10);
  const path = hashed ? `/web/${name.replace('.', `-${hash}.`)}` : `/web/${name}`;
  return { path, type: `${type}; charset=utf-8`, plain, gzipped: gzipSync(plain, { level: 9 }) };
}

function send({ path, type, plain, gzipped }: Asset, accepted = ''): Response {
  const caching = path.endsWith('.ts') ? 'no-cache' : 'public, max-age=31536000, immutable';
  const headers = {
    'content-type': type,
    'cache-control': caching,
    'x-content-type-options': 'nosniff',
    vary: 'accept-encoding',
  };
  return /\bgzip\b/.test(accepted)
    ? new Response(gzipped, { headers: { ...headers, 'content-encoding': 'gzip' } })
    : new Response(plain, { headers });
}

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#8f1d22"/>' +
  '<path d="M7 24V9l9 9 9-9v15" fill="none" stroke="#ffd27a" stroke-width="3.6" stroke-linejoin="round" stroke-linecap="round"/></svg>';
