/** A rolling restart: two replicas of each service are restarted one by one under load, and nobody notices. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { ChaosSystem } from './chaos/system.ts';
import { request } from './http.ts';

const clients = 8;

test('a rolling restart of all services fails no query and no write', { timeout: 240_000 }, async () => {
  const surprises: string[] = [];
  await using system = await ChaosSystem.start({ onSurprise: (what) => surprises.push(what) });
  const { url } = system.gateway;
  for (const movieId of [1, 2, 3]) {
    assert.equal((await request('POST', `${url}/movies`, { body: { movieId, title: `Film ${movieId}` } })).status, 201);
  }
  await system.allReady(30_000);

  const running = { stopped: false };
  const failures: string[] = [];
  const counts = { requests: 0, likes: 0, tickets: 0 };
  const expectStatus = async (wanted: number, method: string, path: string, body?: object): Promise<void> => {
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
  for (const member of system.members.filter(({ service }) => service !== 'gateway')) {
    const { ms, ended } = await member.stop();
    assert.equal(ended, 0, member.log.slice(-2000));
    assert.ok(ms < 10_000, `${member.name} took ${Math.round(ms)} ms to stop`);
    member.start();
    await system.allReady(60_000);
  }
  running.stopped = true;
  await Promise.all(work);
  assert.deepEqual(failures, []);
  assert.deepEqual(surprises, []);
  assert.ok(counts.requests > 500, `${counts.requests} requests went on meanwhile`);
  await system.allReady(60_000);
  for (const replica of system.replicas('ranking')) {
    const { body } = await request<{ likes: number }>('GET', `${replica.url}/votes/1`);
    assert.equal(body.likes, counts.likes);
  }
});
