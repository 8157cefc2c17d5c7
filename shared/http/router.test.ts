import assert from 'node:assert/strict';
import { UnsupportedPathError } from 'hono/router';
import { TrieRouter } from 'hono/router/trie-router';
import { test } from 'vitest';
import { backingServices, operationsOf } from '../../services/index.ts';
import { SegmentRouter } from './router.ts';

type AnyRouter = Pick<SegmentRouter<string>, 'match'>;

/** The handler that answers, and its parameters. */
function found(router: AnyRouter, method: string, path: string): [string, Record<string, string>] | undefined {
  const [handlers, stash] = router.match(method, path);
  const [handler, parameters] = handlers[0] ?? [];
  if (handler === undefined) return undefined;
  const entries = Object.entries(parameters ?? {});
  return [handler, Object.fromEntries(entries.map(([name, at]) => [name, stash ? stash[at as number] : at]))];
}

/** The paths of all operations as createHttp adds them: those with fewer parameters first. */
const routes = operationsOf(backingServices)
  .filter(({ http }) => http)
  .flatMap(({ method, path, aliases = [] }) => [path, ...aliases].map((one) => ({ method, path: one })))
  .sort((a, b) => a.path.split(':').length - b.path.split(':').length);

test("every path finds what Hono's own router finds", () => {
  const own = new SegmentRouter<string>();
  const trie = new TrieRouter<string>();
  for (const router of [own, trie]) {
    for (const { method, path } of routes) router.add(method, path, `${method} ${path}`);
  }
  const words = [...new Set(routes.flatMap(({ path }) => path.split('/')))].filter((word) => !word.startsWith(':'));
  const segments = [...words, '7', 'genre', 'ÄÖ', 'a%2Fb', '__proto__', 'constructor', ''];
  let paths = ['', '/'];
  let checked = 0;
  for (let length = 1; length <= 4; length++) {
    paths = (length === 1 ? [''] : paths).flatMap((start) => segments.map((segment) => `${start}/${segment}`));
    for (const path of paths) {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) {
        const mine = found(own, method, path);
        if (JSON.stringify(mine) !== JSON.stringify(found(trie, method, path))) {
          assert.deepEqual(mine, found(trie, method, path), `${method} ${path}`);
        }
        if (mine) checked++;
      }
    }
  }
  assert.ok(checked > 1000);
});

test('one handler answers: the first that fits', () => {
  const router = new SegmentRouter<string>();
  router.add('GET', '/movies/search', 'search');
  router.add('GET', '/movies/:movieId', 'get');
  assert.deepEqual(router.match('GET', '/movies/search')[0], [['search', {}]]);
  assert.equal(router.match('GET', '/movies/7')[0].length, 1);
  assert.deepEqual(found(router, 'GET', '/movies/7'), ['get', { movieId: '7' }]);
  assert.deepEqual([found(router, 'GET', '/movies/'), found(router, 'PUT', '/movies/7')], [undefined, undefined]);
});

test('what it cannot route is refused, so that another router takes over', () => {
  const router = new SegmentRouter<string>();
  router.add('GET', '/movies/:movieId', 'get');
  for (const path of ['*', '/*', '/movies/*', '/movies/:id?', '/movies/:id{[0-9]+}', '/movies/x:id', '/a//b']) {
    assert.throws(() => router.add('GET', path, 'other'), UnsupportedPathError, path);
  }
  assert.throws(() => router.add('ALL', '/all', 'middleware'), UnsupportedPathError);
  // It would come before the one that was there first.
  assert.throws(() => router.add('GET', '/movies/search', 'late'), UnsupportedPathError);
  assert.throws(() => router.add('GET', '/movies/:other', 'behind it'), UnsupportedPathError);
  router.add('GET', '/genres', 'genres');
  assert.throws(() => router.add('GET', '/genres', 'behind it'), UnsupportedPathError);
});
