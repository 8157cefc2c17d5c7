/** Sends a thousand likes, each twice and repeated until answered, while replicas and the broker are killed. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { movies } from '../services/movies/contract.ts';
import { walk } from './chaos/client.ts';
import { del, get, post, type Reply, type System, startSystem, until } from './harness.ts';

const likes = 1000;
const films = 7;
/** Concurrent likes, each of which is sent twice. */
const clients = 40;
const replicaNames = ['a', 'b'] as const;
type Name = (typeof replicaNames)[number];

interface Like {
  movieId: number;
  /** Two thirds have a viewer; the others are anonymous with an Idempotency-Key. */
  voterId: string | undefined;
  key: string | undefined;
  /** Whether every request was answered: a lost request might still be executed after a later one. */
  clean: boolean;
}

const allLikes = Array.from({ length: likes }, (_, n): Like => {
  const voterId = n % 3 === 0 ? undefined : `viewer-${n}`;
  return { movieId: 1 + (n % films), voterId, key: voterId ? undefined : `key ${n}`, clean: true };
});

/** Two replicas as processes that can be killed and restarted, by name. */
class Replicas {
  readonly #system: System;
  readonly #running = new Map<Name, Awaited<ReturnType<System['spawn']>>>();

  constructor(system: System) {
    this.#system = system;
  }

  url(name: Name): string {
    return this.#running.get(name)?.url ?? 'http://127.0.0.1:1';
  }

  async start(name: Name): Promise<void> {
    const { dataDir } = this.#running.get(name) ?? {};
    this.#running.set(name, await this.#system.spawn('ranking', 'node', dataDir ? { DATA_DIR: dataDir } : {}));
  }

  async kill(name: Name): Promise<void> {
    await this.#running.get(name)?.program.signal('SIGKILL');
  }
}

/** Sends a request until it is acknowledged. `lost` is called for each attempt with an unknown outcome. */
async function insist(send: () => Promise<Reply<unknown>>, lost: () => void): Promise<void> {
  await until(async () => {
    const { status } = await send().catch(() => ({ status: 0 }));
    if (status === 200 || status === 202) return true;
    assert.ok(status === 0 || status === 503, `it was answered ${status}`);
    lost();
    return false;
  }, 'a vote to be acknowledged');
}

test('a thousand likes count exactly a thousand times, whatever is killed meanwhile', async (t) => {
  await using system = await startSystem({ ownBroker: true });
  const [catalogue] = await system.start('movies');
  const added = Array.from({ length: films }, (_, index) => ({ movieId: index + 1, title: `Film ${index + 1}` }));
  await system.caller.ask(movies.import, { movies: added }, { timeoutMs: 20_000 });
  const replicas = new Replicas(system);
  await Promise.all(replicaNames.map((name) => replicas.start(name)));
  for (const name of replicaNames) {
    await until(async () => (await get(`${replicas.url(name)}/votes/${films}`)).status === 200, 'the movies');
  }
  await catalogue.stop();

  let acknowledged = 0;
  let retries = 0;
  const give = (like: Like, name: Name): Promise<void> => {
    const { movieId, voterId, key } = like;
    const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
    const send = () => post(`${replicas.url(name)}/votes/${movieId}/like`, { voterId }, headers);
    return insist(send, () => {
      retries++;
      like.clean = false;
    });
  };
  const waiting = [...allLikes];
  const work = Array.from({ length: clients }, async () => {
    for (let like = waiting.shift(); like; like = waiting.shift()) {
      await Promise.all(replicaNames.map((name) => give(like as Like, name)));
      acknowledged++;
    }
  });
  const reaches = (count: number) => until(() => acknowledged >= count, `${count} acknowledged likes`);
  const faults = async (): Promise<void> => {
    await reaches(250);
    await system.killBroker();
    await system.restartBroker();
    await reaches(500);
    // Kill both at once, and start a replica without a broker.
    await Promise.all([system.killBroker(), replicas.kill('b')]);
    const started = replicas.start('b');
    await system.restartBroker();
    await started;
    await reaches(750);
    await replicas.kill('a');
    await replicas.start('a');
  };
  await Promise.all([faults(), ...work]);
  await t.annotate(`${retries} requests were sent again`);
  assert.ok(retries > 0, 'the faults were felt');

  const exactly = async (name: Name, wanted: number[]): Promise<void> => {
    const counts = async () =>
      (await walk<{ likes: number }>(`${replicas.url(name)}/votes`)).map((movie) => movie.likes);
    await until(async () => (await counts()).join() === wanted.join(), `${wanted} likes at ${name}`).catch(
      async (error) => assert.deepEqual(await counts(), wanted, `${name}: ${(error as Error).message}`),
    );
    const ranked = await walk<{ likes: number; movieId: number }>(`${replicas.url(name)}/ranking`);
    for (const { movieId, likes } of ranked) assert.equal(likes, wanted[movieId - 1]);
  };
  const counted = (given: Like[]): number[] =>
    added.map(({ movieId }) => given.filter((like) => like.movieId === movieId).length);
  for (const name of replicaNames) await exactly(name, counted(allLikes));

  // Some viewers unlike, each at both replicas at once.
  const backs = allLikes.filter(({ clean, voterId }, index) => clean && voterId && index % 2 === 0);
  assert.ok(backs.length > 10);
  const undo = ({ movieId, voterId }: Like, name: Name): Promise<void> =>
    insist(
      () => del(`${replicas.url(name)}/votes/${movieId}/like?voterId=${voterId}`),
      () => {},
    );
  await Promise.all(backs.flatMap((like) => replicaNames.map((name) => undo(like, name))));
  await replicas.kill('b');
  await replicas.start('b');
  const kept = counted(allLikes.filter((like) => !backs.includes(like)));
  for (const name of replicaNames) await exactly(name, kept);
  const jsm = await system.streams();
  assert.deepEqual(await system.deadLetters(), []);
  await t.annotate(`${(await jsm.streams.info('VOTES')).state.messages} messages hold them`);
});
