/** A service keeps answering through the gateway while one of its two replicas hangs or is killed under load. */
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
  // How long requests to the hanging replica wait.
  const [gateway] = await Promise.all([
    system.startReplica('gateway', { REQUEST_TIMEOUT_MS: '5000' }),
    system.start('movies'),
  ]);
  await gateway.ready;
  const replicas = await Promise.all([system.spawn('ranking'), system.spawn('ranking')]);
  assert.equal((await post(`${gateway.url}/movies`, { movieId: 1, title: 'Alien' })).status, 201);
  for (const { url } of replicas) await until(async () => (await get(`${url}/votes/1`)).status === 200, 'ranking');
  const { url } = gateway;
  // A few requests, until the gateway knows both replicas.
  for (let n = 0; n < 50; n++) assert.equal((await get(`${url}/votes/1`)).status, 200);
  return { url, replicas };
}

/** Pause of a client between two requests, in milliseconds. */
const pauseMs = 10;

/** Runs eight clients, half of them reading and half writing, one request at a time each, while `goesOn` is true. */
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

// Concurrent, because each test mostly waits.
test.concurrent('a hanging replica fails no read, and only the writes that it had received', async (t) => {
  await using system = await startSystem();
  const { url, replicas } = await startTwoRankings(system);
  const hanging = replicas[0]?.program as ReplicaProcess['program'];
  await hanging.signal('SIGSTOP');
  const seen = await load(url, 'during', ({ reads, writes }) => reads.length < 300 || writes.length < 60);
  await t.annotate(
    `${seen.reads.length} reads; ${seen.writes.length} writes, ${failed(seen.writes).length} without an answer`,
  );
  // A read that reaches its deadline counts as failed.
  assert.deepEqual(failed(seen.reads), []);
  // Each client loses at most the write in flight when the replica starts to hang.
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

test.concurrent('the broker closes the connection of a hanging replica', async () => {
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
  await until(nobody, 'the broker to report no responders');
  await program.signal('SIGCONT');
  await until(async () => (await count()) === 1, 'the replica to be back');
});

test.concurrent('a killed replica fails no read', async () => {
  await using system = await startSystem();
  const { url, replicas } = await startTwoRankings(system);
  const running = { yes: true };
  const loading = load(url, 'killed', () => running.yes);
  await replicas[0]?.program.signal('SIGKILL');
  await until(async () => (await post(`${url}/votes/1/like`, { voterId: 'afterwards' })).status === 200, 'a write');
  running.yes = false;
  assert.deepEqual(failed((await loading).reads), []);
});
