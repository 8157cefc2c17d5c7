/** The bundle works with only the native package beside it. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'vitest';
import { digestOf } from '../deploy/build.ts';
import { get, post, startSystem, temporaryFolder } from './harness.ts';
import { cleanEnvironment, Program } from './process.ts';
import { bundle } from './shared-bundle.ts';

const native = 'node_modules/better-sqlite3';

test('the bundle creates the streams and runs a service', async () => {
  using folder = temporaryFolder();
  cpSync(bundle(), join(folder.path, 'dist'), { recursive: true });
  cpSync(resolve(import.meta.dirname, '..', native), join(folder.path, native), { recursive: true });
  await using system = await startSystem({ streams: false });
  const env = { ...cleanEnvironment(), ...system.environment({ LOG_LEVEL: 'info' }) };
  const run = (...args: string[]): Program =>
    new Program(spawn(process.execPath, args, { cwd: folder.path, env, stdio: ['ignore', 'pipe', 'pipe'] }));

  await using streams = run('dist/streams/apply.js');
  assert.equal(await streams.ended, 0, streams.stdout + streams.stderr);

  await using movies = run('dist/services/main.js', 'movies');
  const [, url] = await movies.prints(/"url":"([^"]+)"/);
  await using seed = run('dist/seed/main.js', '--max', '3');
  assert.equal(await seed.ended, 0, seed.stdout + seed.stderr);
  assert.equal((await get<{ items: unknown[] }>(`${url}/movies`)).body.items.length, 3);
  assert.equal((await post(`${url}/movies`, { movieId: 900_001, title: 'Alien' })).status, 201);
  assert.equal((await fetch(`${url}/docs/swagger-ui-bundle.js`)).status, 200);
  assert.equal(await movies.signal('SIGTERM'), 0);

  // Stack traces refer to the sources: a worker script fails when it is run as a program.
  await using failing = run('--enable-source-maps', 'dist/shared/views/view-worker.js');
  assert.equal(await failing.ended, 1);
  assert.match(failing.stderr, /at .*shared\/views\/view-worker\.ts:\d+/);
});

test('npm start builds again after any change of sources or packages', () => {
  using folder = temporaryFolder();
  const write = (path: string, content: string): string => {
    mkdirSync(dirname(join(folder.path, path)), { recursive: true });
    writeFileSync(join(folder.path, path), content);
    return digestOf(folder.path);
  };
  const digests = [
    write('services/main.ts', 'a'),
    write('services/main.ts', 'b'),
    write('shared/views/more.ts', 'a'),
    write('tsconfig.json', '{}'),
    write('node_modules/.package-lock.json', '{}'),
  ];
  rmSync(join(folder.path, 'shared/views/more.ts'));
  digests.push(digestOf(folder.path));
  assert.equal(new Set(digests).size, digests.length);
  assert.equal(write('data/movies.sqlite', 'no source'), digests.at(-1));
  assert.equal(readFileSync(join(bundle(), 'sources.sha256'), 'utf8').length, digests[0]?.length);
});

test('the sources name the option without which Node cannot load the pages of the gateway', () => {
  const env = { ...cleanEnvironment(), NATS_URL: 'nats://127.0.0.1:1' };
  const cwd = resolve(import.meta.dirname, '..');
  const { stderr, status } = spawnSync('node', ['services/main.ts', 'gateway'], { cwd, env, encoding: 'utf8' });
  assert.deepEqual([stderr.match(/--import .*/)?.[0], status], ['--import ./deploy/jsx.ts', 1], stderr);
});
