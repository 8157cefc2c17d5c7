/** One of two replicas hangs, or dies, under load: the service as a whole goes on answering through the gateway. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'vitest';
import { get, post, type ReplicaProcess, type Reply, type System, startSystem, until } from './harness.ts';

type Answer = Reply<Record<string, unknown>>;

interface Seen {
  reads: Answer[];
  writes: Answer[];
}

async function startTwoRankings(system: System): Promise<{ url: string; replicas: ReplicaProcess[] }> {
  // What waits for the one that hangs waits for so long.
  const [gateway] = await Promise.all([
    system.startReplica('gateway', { REQUEST_TIMEOUT_MS: '5000' }),
    system.start('movies'),
  ]);
  await gateway.ready;
  const replicas = await Promise.all([system.spawn('ranking'), system.spawn('ranking')]);
  assert.equal((await post(`${gateway.url}/movies`, { movieId: 1, title: 'Alien' })).status, 201);
  for (const { url } of replicas) await until(async () => (await get(`${url}/votes/1`)).status === 200, 'ranking');
  const { url } = gateway;
  // Until the gateway has met both: it takes only a few requests.
  for (let n = 0; n < 50; n++) assert.equal((await get(`${url}/votes/1`)).status, 200);
  return { url, replicas };
}

/** Between two requests of a client. */
const pauseMs = 10;

/** Several clients read and write, each one thing after another, while what they have seen is not enough. */
async function load(url: string, name: string, goesOn: (seen: Seen) => boolean): Promise<Seen> {
  const seen: Seen = { reads: [], writes: [] };
  const clients = Array.from({ length: 8 }, async (_, client) => {
    for (let round = 0; goesOn(seen); round++) {
      await sleep(pauseMs);
      if (client % 2 === 0) {
        seen.writes.push(await post(`${url}/votes/1/like`, { voterId: `${name}-${client}-${round}` }));
      } else {
        seen.reads.push(await get(`${url}/votes/1`));
      }
    }
  });
  await Promise.all(clients);
  return seen;
}

const failed = (replies: Answer[]): Answer[] => replies.filter(({ status }) => status !== 200);

// Each waits, mostly: so all of them at once.
test.concurrent('a replica that hangs costs no read, and no write but those that it has in hand', async (t) => {
  await using system = await startSystem();
  const { url, replicas } = await startTwoRankings(system);
  const hanging = replicas[0]?.program as ReplicaProcess['program'];
  await hanging.signal('SIGSTOP');
  const seen = await load(url, 'during', ({ reads, writes }) => reads.length < 300 || writes.length < 60);
  await t.annotate(
    `${seen.reads.length} reads; ${seen.writes.length} writes, ${failed(seen.writes).length} without an answer`,
  );
  // A read that waits for its deadline fails.
  assert.deepEqual(failed(seen.reads), []);
  // Each client loses at most the one write that it has under way when the replica begins to hang.
  assert.ok(failed(seen.writes).length <= 4, `${failed(seen.writes).length} writes failed`);
  for (const { body } of failed(seen.writes)) assert.match(String(body.detail), /did not answer in time/);

  await hanging.signal('SIGCONT');
  const acknowledged = seen.writes.length - failed(seen.writes).length;
  for (const { url: direct } of replicas) {
    await until(async () => {
      const { likes } = (await get<{ likes: number }>(`${direct}/votes/1`)).body;
      return likes >= acknowledged && likes <= seen.writes.length;
    }, 'every acknowledged like at both replicas');
  }
});

test.concurrent('the broker drops the connection of a replica that hangs', async () => {
  await using system = await startSystem();
  const { program } = await system.spawn('ranking');
  const count = async (): Promise<number> => {
    const found = await system.link.nc.requestMany('$SRV.PING.ranking', '', { strategy: 'stall', maxWait: 1000 });
    let answers = 0;
    for await (const message of found) if (message.data.length > 0) answers++;
    return answers;
  };
  await until(async () => (await count()) === 1, 'the replica to be registered');
  await program.signal('SIGSTOP');
  const nobody = async (): Promise<boolean> => {
    const asked = system.link.nc.request('ranking.votes', '{}', { timeout: 500 });
    return asked.then(
      () => false,
      (error: Error) => error.name === 'NoRespondersError' || /no responders/i.test(error.message),
    );
  };
  await until(nobody, 'the broker to say that there is nobody');
  await program.signal('SIGCONT');
  await until(async () => (await count()) === 1, 'the replica to be back');
});

test.concurrent('a replica that is killed costs no read', async () => {
  await using system = await startSystem();
  const { url, replicas } = await startTwoRankings(system);
  const running = { yes: true };
  const loading = load(url, 'killed', () => running.yes);
  await replicas[0]?.program.signal('SIGKILL');
  await until(async () => (await post(`${url}/votes/1/like`, { voterId: 'afterwards' })).status === 200, 'a write');
  running.yes = false;
  assert.deepEqual(failed((await loading).reads), []);
});
