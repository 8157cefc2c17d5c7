import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { serviceNames } from '../services/index.ts';
import { portVariable } from '../shared/process/config.ts';
import { get, post, type Runtime, startProgram, until } from './harness.ts';
import { cleanEnvironment, denoBinary, ownRuntime, Program } from './process.ts';

const root = resolve(import.meta.dirname, '..');

const { tasks } = JSON.parse(readFileSync(join(root, 'deno.json'), 'utf8')) as { tasks: { start: string } };

function environment(dataDir: string): Record<string, string> {
  const ports = serviceNames.map((name) => [portVariable(name), '0']);
  return { DATA_DIR: dataDir, NATS_PORT: '0', MAX_MOVIES: '40', ...Object.fromEntries(ports) };
}

/** Starts the whole system on free ports: what `npm start` runs on Node, and what `deno task start` runs on Deno. */
function start(runtime: Runtime, dataDir: string, env: Record<string, string> = {}): Program {
  const all = { ...environment(dataDir), ...env };
  if (runtime === 'node' && ownRuntime === 'node') return startProgram('deploy/start.ts', [], all);
  return deno(tasks.start.split(' ').slice(1), all);
}

function deno(args: string[], env: Record<string, string>): Program {
  const options = { cwd: root, env: { ...cleanEnvironment(), ...env } };
  return new Program(spawn(denoBinary(), args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] }));
}

/** Temporary folder below `data`, the only folder that the Deno tasks may write to. */
function dataFolder(): Disposable & { path: string } {
  mkdirSync(join(root, 'data'), { recursive: true });
  const path = mkdtempSync(join(root, 'data/test-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

const urlOf = (program: Program, name: string): string => {
  const url = new RegExp(`^  ${name} +(\\S+)$`, 'm').exec(program.stdout)?.[1];
  assert.ok(url, `${name} is in the greeting`);
  return url;
};

/** Returns the processes whose command line contains a text, such as the path of a broker's files. */
function processesWith(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
      } catch {
        return false;
      }
    });
}

/** Checks that all printed addresses and commands work. */
async function assertGreeting(program: Program): Promise<void> {
  await program.prints(/ready after/);
  const curls = [...program.stdout.matchAll(/^ {2}curl '([^']+)'$/gm)].map(([, url]) => url as string);
  assert.equal(curls.length, 3);
  for (const url of curls) assert.equal((await get(url)).status, 200, url);
  const requests = [...program.stdout.matchAll(/^ {2}nats -s (\S+) req (\S+) '([^']+)'$/gm)];
  assert.ok(requests.length > 0);
  for (const [, servers, subject, body] of requests) {
    const nc = await connect({ servers: servers as string });
    const reply = await nc.request(subject as string, body as string, { timeout: 20_000 });
    assert.equal(reply.headers?.get('Nats-Service-Error') ?? '', '');
    assert.equal(reply.json<{ movieId: number }>().movieId, 1);
    await nc.close();
  }
}

test('on Node and Deno: starts with a catalogue, prints commands that work, stops on Ctrl-C, and keeps its data after kill -9', async () => {
  using folder = dataFolder();
  await using first = start('node', folder.path);
  await assertGreeting(first);
  for (const name of serviceNames) assert.equal((await get(`${urlOf(first, name)}/readyz`)).status, 200, name);
  const movies = urlOf(first, 'movies');
  assert.equal((await get<{ items: unknown[] }>(`${movies}/movies?limit=500`)).body.items.length, 40);
  assert.equal((await post(`${movies}/movies`, { movieId: 900_000, title: 'Kept' })).status, 201);
  assert.ok(processesWith(folder.path).length > 0);
  assert.equal(await first.signal('SIGINT'), 0);
  assert.deepEqual(processesWith(folder.path), []);
  assert.equal(first.stderr, '');
  // A stream that is missing after an update does not make the store an empty one.
  rmSync(join(folder.path, 'nats/jetstream/$G/streams/OBJ_views-movies'), { recursive: true });
  rmSync(join(folder.path, 'nats/jetstream/$G/streams/SUPPORT'), { recursive: true });

  {
    await using second = start('deno', folder.path);
    await assertGreeting(second);
    assert.equal(second.stderr, '');
    assert.doesNotMatch(second.stdout, /store was empty|had no OBJ/);
    assert.match(second.stdout, /store had no SUPPORT: views are rebuilt/);
    const again = urlOf(second, 'movies');
    assert.equal((await get(`${again}/movies/900000`)).body.title, 'Kept');
    assert.equal(
      (await get<{ items: unknown[] }>(`${again}/movies?limit=500`)).body.items.length,
      41,
      'not seeded again',
    );
    assert.equal((await post(`${again}/movies`, { movieId: 900_001, title: 'Kept, too' })).status, 201);
    await second.signal('SIGKILL');
  }
  assert.equal(processesWith(folder.path).length, 1, 'its broker is still there');

  // A signal to the task alone stops all its processes.
  await using third = deno(['task', 'start'], environment(folder.path));
  await third.prints(/ready after/);
  assert.equal((await get(`${urlOf(third, 'movies')}/movies/900001`)).body.title, 'Kept, too');
  assert.equal(await third.signal('SIGTERM'), 0);
  assert.deepEqual(processesWith(folder.path), []);
});

/** One system for all tests; the last two stop it and continue with its files. */
describe('a running system', () => {
  let folder: ReturnType<typeof dataFolder>;
  let first: Program;
  beforeAll(async () => {
    folder = dataFolder();
    first = start('node', join(folder.path, 'first'));
    await first.prints(/ready after/);
  });
  afterAll(async () => {
    await first.signal('SIGINT');
    folder[Symbol.dispose]();
  });

  test('a second start with the same files is refused without affecting the first', async () => {
    await using second = start('node', join(folder.path, 'first'));
    assert.equal(await second.ended, 1);
    assert.match(second.stderr, /is already running/);
    const movies = urlOf(first, 'movies');
    assert.equal((await post(`${movies}/movies`, { movieId: 900_001, title: 'Still taken' })).status, 201);
  });

  test('a start whose port is taken names the port and leaves no broker running', async () => {
    const port = new URL(urlOf(first, 'movies')).port;
    await using second = start('node', join(folder.path, 'second'), { MOVIES_PORT: port });
    assert.equal(await second.ended, 1);
    assert.equal(second.stderr, `127.0.0.1:${port} is in use by another program\n`);
    await until(() => processesWith(join(folder.path, 'second')).length === 0, 'its broker to be gone');
  });

  test('a start whose films are missing names the variable', async () => {
    await using second = start('node', join(folder.path, 'empty'), { SEED_CSV: join(folder.path, 'nothing.csv') });
    assert.equal(await second.ended, 1);
    assert.match(second.stderr, /^SEED_CSV: .*nothing\.csv does not exist$/m);
  });

  test('with NATS_URL no broker is started', async () => {
    const url = urlOf(first, 'broker');
    await using beside = start('node', join(folder.path, 'beside'), { NATS_URL: url });
    await beside.prints(/ready after/);
    assert.equal((await get(`${urlOf(beside, 'movies')}/movies/1`)).status, 200);
    assert.deepEqual(processesWith(join(folder.path, 'beside')), []);
    assert.equal(await beside.signal('SIGINT'), 0);
  });

  test('restarts a killed broker at once, and exits with the reason when that keeps happening', async () => {
    const movies = urlOf(first, 'movies');
    const files = join(folder.path, 'first');
    let movieId = 900_100;
    const isTaken = async (): Promise<boolean> =>
      (await post(`${movies}/movies`, { movieId: movieId++, title: 'Taken' })).status === 201;
    const killBroker = (): void => {
      for (const pid of processesWith(files)) process.kill(Number(pid), 'SIGKILL');
    };
    killBroker();
    await until(() => /the broker exited with SIGKILL: restarting it/.test(first.stdout), 'the message');
    await until(isTaken, 'a write to be taken again');
    // Kill it again after each restart until the start gives up.
    await until(async () => {
      if (first.running && (await isTaken().catch(() => false))) killBroker();
      return !first.running;
    }, 'the start to give up');
    assert.equal(await first.ended, 1);
    assert.match(first.stderr, /^the broker (exited 6 times within a minute|did not start)/m);
  });

  test('a start with a deleted store creates new streams and says so', async () => {
    rmSync(join(folder.path, 'first/nats'), { recursive: true });
    await using second = start('node', join(folder.path, 'first'));
    await second.prints(/store was empty: views are rebuilt/);
    await second.prints(/ready after/);
    const movies = urlOf(second, 'movies');
    assert.equal((await get(`${movies}/movies/900001`)).status, 404);
    assert.equal((await get(`${movies}/movies/1`)).status, 200, 'the catalogue is there again');
    assert.equal((await post(`${movies}/movies`, { movieId: 900_100, title: 'Again' })).status, 201);
    assert.equal((await get(`${movies}/readyz`)).status, 200);
    // Stop it with a signal: disposal kills it, which would leave its broker running.
    assert.equal(await second.signal('SIGINT'), 0);
    assert.deepEqual(processesWith(folder.path), []);
  });
});
