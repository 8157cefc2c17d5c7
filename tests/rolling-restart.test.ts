/** Restarts the replicas of each service under load without a failed request. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'vitest';
import { ChaosSystem } from './chaos/system.ts';
import { request } from './http.ts';
import { until } from './until.ts';

const clients = 8;
/** Pause of a client between two requests, in milliseconds, which leaves processor time for the restarts. */
const pauseMs = 100;
/** Number of requests that must be answered while replicas are away. */
const requestsEach = 100;

test('a rolling restart of all services fails no query and no write', async () => {
  const surprises: string[] = [];
  // Checkpoints and snapshots as rare as in a deployment, and a timeout long enough for a busy machine.
  const env = { CHECKPOINT_PAGES: '', SNAPSHOT_EVERY: '', REQUEST_TIMEOUT_MS: '20000' };
  await using system = await ChaosSystem.start({ env, onSurprise: (what) => surprises.push(what) });
  const { url } = system.gateway;
  for (const movieId of [1, 2, 3]) {
    assert.equal((await request('POST', `${url}/movies`, { body: { movieId, title: `Film ${movieId}` } })).status, 201);
  }
  await system.allReady(90_000);

  const running = { stopped: false };
  const failures: string[] = [];
  const counts = { requests: 0, likes: 0, tickets: 0 };
  const expectStatus = async (wanted: number, method: string, path: string, body?: object): Promise<void> => {
    await sleep(pauseMs);
    counts.requests++;
    const reply = await request(method, url + path, body ? { body } : {});
    if (reply.status !== wanted) failures.push(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
  };
  const work = Array.from({ length: clients }, async (_, client) => {
    for (let round = 0; !running.stopped; round++) {
      const user = `viewer-${client}-${round}`;
      await expectStatus(200, 'POST', '/votes/1/like', { voterId: user });
      counts.likes++;
      await expectStatus(200, 'GET', '/movies/2');
      await expectStatus(200, 'GET', '/ranking');
      await expectStatus(201, 'POST', `/reminder/${user}/3`, {});
      await expectStatus(200, 'GET', `/reminder/${user}`);
      await expectStatus(201, 'POST', `/support/${user}`, { message: 'Help' });
      counts.tickets++;
      await expectStatus(200, 'GET', '/orders?limit=5');
      await expectStatus(201, 'POST', '/movies', { movieId: 1000 + client * 100_000 + round, title: user });
    }
  });
  // Restart one replica of each service, then the other, whose work the newly started one takes over.
  const rounds = [
    system.members.filter(({ name }) => name.endsWith('-1')),
    ['ranking-2', 'movies-2'].map((name) => system.member(name)),
  ];
  for (const members of rounds) {
    for (const { ended, log } of await Promise.all(
      members.map(async (member) => ({ ...(await member.stop()), log: member.log })),
    ))
      assert.equal(ended, 0, log.slice(-2000));
    const before = counts.requests;
    // Clients do not wait for the restarted replicas.
    await until(() => counts.requests >= before + requestsEach, `${requestsEach} requests without them`);
    for (const member of members) member.start();
    await system.allReady(90_000);
  }
  running.stopped = true;
  await Promise.all(work);
  assert.deepEqual(failures, []);
  assert.deepEqual(surprises, []);
  await system.allReady(90_000);
  for (const replica of system.replicas('ranking')) {
    const { body } = await request<{ likes: number }>('GET', `${replica.url}/votes/1`);
    assert.equal(body.likes, counts.likes);
  }
});
