/** A full disk of the broker is reported, and writes recover by themselves once there is space. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { type TestContext, test } from 'vitest';
import { startBroker } from '../deploy/broker.ts';
import { keepBroker } from '../deploy/kept-broker.ts';
import { startServices } from '../services/start.ts';
import { portVariable, readConfig } from '../shared/process/config.ts';
import { applyStreams } from '../streams/apply.ts';
import { SmallDisk } from './chaos/full-disk.ts';
import { temporaryFolder } from './folder.ts';
import { get, isWell, post, until } from './harness.ts';

interface Readiness {
  degraded: boolean;
  writesFail?: { stream: string; cure: string }[];
  deadLetters: number | null;
}

/** Mounts a small disk in a temporary folder; undefined if it cannot be mounted. */
function smallDisk(t: TestContext) {
  const stack = new DisposableStack();
  const folder = stack.use(temporaryFolder());
  const disk = SmallDisk.mount(join(folder.path, 'disk'));
  if (!disk) {
    stack.dispose();
    t.skip('this user may not mount a file system');
    return undefined;
  }
  stack.use(disk);
  return { disk, dataDir: folder.path, [Symbol.dispose]: () => stack.dispose() };
}

async function start(nats: string, dataDir: string, ...names: string[]) {
  const ports = names.map((name) => [portVariable(name), '0']);
  const env = { NATS_URL: nats, DATA_DIR: dataDir, LOG_LEVEL: 'silent', REQUEST_TIMEOUT_MS: '2500' };
  const config = readConfig({ ...env, ...Object.fromEntries(ports) });
  const nc = await connect({ servers: nats });
  await applyStreams(nc, config);
  await nc.close();
  const running = await startServices(config, names);
  await running.ready;
  const urls = Object.fromEntries(running.services.map(({ name, url }) => [name, url]));
  return { urls, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

const like = async (url: string, voterId: string) => (await post(`${url}/votes/1/like`, { voterId })).status;
const readiness = async (url: string) => (await get<Readiness>(`${url}/readyz`)).body;

test.concurrent('services are degraded and say why while the broker stores nothing, until it is restarted', async (t) => {
  using small = smallDisk(t);
  if (!small) return;
  const { disk, dataDir } = small;
  const storeDir = join(disk.path, 'nats');
  await using stack = new AsyncDisposableStack();
  let broker = await startBroker({ port: 0, storeDir });
  stack.defer(() => broker.kill());
  const { urls } = stack.use(await start(broker.url, dataDir, 'movies', 'ranking'));
  const [movies, ranking] = [urls.movies as string, urls.ranking as string];
  assert.equal((await post(`${movies}/movies`, { movieId: 1, title: 'Alien' })).status, 201);
  await until(async () => (await like(ranking, 'ann')) === 200, 'a like');

  disk.fill();
  // A slow answer is 503, too.
  const isFull = async () => (await like(ranking, 'bob')) === 503 && (await readiness(ranking)).degraded;
  await until(isFull, 'the full disk to be reported');
  disk.free();
  const failing = await readiness(ranking);
  assert.equal(failing.degraded, true);
  assert.deepEqual(
    failing.writesFail?.map(({ stream }) => stream),
    ['VOTES'],
  );
  assert.match(failing.writesFail?.[0]?.cure ?? '', /restart/);
  assert.match(await (await fetch(`${ranking}/metrics`)).text(), /marquee_writes_failing 1/);
  assert.equal((await readiness(movies)).degraded, false, 'it publishes to another stream');
  assert.equal(await like(ranking, 'bob'), 503, 'space alone does not help');

  const port = Number(new URL(broker.url).port);
  await broker.kill();
  broker = await startBroker({ port, storeDir });
  await until(() => isWell(ranking), 'it to be ready');
  assert.equal(await like(ranking, 'bob'), 200);
  assert.equal((await get<{ likes: number }>(`${ranking}/votes/1`)).body.likes, 2);
  assert.equal((await readiness(ranking)).deadLetters, 0, 'a probe is not an event');
});

test.concurrent('the broker of npm start is restarted once there is space, and reminders become due', async (t) => {
  using small = smallDisk(t);
  if (!small) return;
  const { disk, dataDir } = small;
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  await using broker = await keepBroker({ port: 0, storeDir: join(disk.path, 'nats'), log });
  await using services = await start(broker.url, dataDir, 'movies', 'reminder');
  const { movies, reminder } = services.urls;
  assert.equal((await post(`${movies}/movies`, { movieId: 1, title: 'Alien' })).status, 201);
  const soon = () => new Date(Date.now() + 3000).toISOString();
  const isSet = async () => (await post(`${reminder}/reminder/ann/1`, { remindAt: soon() })).status === 201;
  await until(isSet, 'a reminder');

  disk.fill();
  const { pid } = broker;
  await until(async () => (await post(`${reminder}/watched/bob/1`, {})).status === 503, 'the disk to be full');
  await until(async () => (await readiness(reminder as string)).degraded, 'the problem to be reported');
  assert.equal(broker.pid, pid, 'a restart would not help yet');
  disk.free();
  await until(() => isWell(reminder as string), 'the reminder service to be ready');
  assert.notEqual(broker.pid, pid);
  assert.match(lines.join('\n'), /failed to write.*no space left/);
  assert.equal((await post(`${reminder}/watched/bob/1`, {})).status, 201);
  const due = async () => (await get<{ items: { due: boolean }[] }>(`${reminder}/reminder/ann`)).body.items[0]?.due;
  await until(async () => (await due()) === true, 'the reminder to be due');
});
