/** The bundle starts and serves, with no package beside it but the native one. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { type CheckpointDone, type CheckpointJob, state } from '../shared/checkpoints.ts';
import { openDatabase } from '../shared/database.ts';
import { get, post, startSystem, temporaryFolder } from '../tests/harness.ts';
import { cleanEnvironment, Program } from '../tests/process.ts';
import { buildAll } from './build.ts';

const native = 'node_modules/better-sqlite3';

test('the bundle makes the streams and runs a service', { timeout: 60_000 }, async () => {
  using folder = temporaryFolder();
  await buildAll(join(folder.path, 'dist'));
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
  assert.equal(await movies.signal('SIGTERM'), 0);
});

test('the bundle has the thread that makes checkpoints', { timeout: 60_000 }, async () => {
  using folder = temporaryFolder();
  await buildAll(join(folder.path, 'dist'));
  cpSync(resolve(import.meta.dirname, '..', native), join(folder.path, native), { recursive: true });
  const file = join(folder.path, 'view.sqlite');
  const db = openDatabase(file);
  db.exec('CREATE TABLE notes (text TEXT)');
  const thread = new Worker(join(folder.path, 'dist/shared/checkpoint-thread.js'));
  const progress = new Int32Array(new SharedArrayBuffer(4));
  thread.postMessage({ id: 7, file, progress } satisfies CheckpointJob);
  const [done] = (await once(thread, 'message')) as [CheckpointDone];
  assert.deepEqual(done, { id: 7 });
  assert.equal(progress[0], state.over);
  assert.ok(statSync(file).size > 4096, 'the table is in the file');
  await thread.terminate();
  db.close();
});
