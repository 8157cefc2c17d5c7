/** A slow disk, or a starved broker, slows writes down, takes no queries with it, and loses nothing. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'vitest';
import { get, post, type System, startSystem, until } from './harness.ts';
import { slowDisk, starved } from './slowness.ts';

const writers = 30;
const writesEach = 6;
/** Of whoever queries: what is slowed down is to have the processor, too. */
const pauseMs = 20;

interface Written {
  /** Viewers whose like was acknowledged, and whose was neither that nor refused for certain. */
  acknowledged: string[];
  unknown: string[];
  statuses: Record<number, number>;
}

async function startRanking(system: System): Promise<string> {
  const [movies] = await system.start('movies');
  assert.equal((await post(`${movies.url}/movies`, { movieId: 1, title: 'Alien' })).status, 201);
  const { url } = await system.spawn('ranking');
  await until(async () => (await get(`${url}/votes/1`)).status === 200, 'ranking');
  return url;
}

async function write(url: string): Promise<Written> {
  const written: Written = { acknowledged: [], unknown: [], statuses: {} };
  const client = async (_: unknown, index: number): Promise<void> => {
    for (let round = 0; round < writesEach; round++) {
      const voterId = `fan-${index}-${round}`;
      const { status, body } = await post(`${url}/votes/1/like`, { voterId });
      written.statuses[status] = (written.statuses[status] ?? 0) + 1;
      if (status < 300) written.acknowledged.push(voterId);
      else if (body.outcome === 'unknown') written.unknown.push(voterId);
    }
  };
  await Promise.all(Array.from({ length: writers }, client));
  return written;
}

/** How many pairs of queries were answered one after another while `goesOn`. */
async function query(url: string, goesOn: () => boolean): Promise<number> {
  let pairs = 0;
  for (; goesOn(); pairs++) {
    await sleep(pauseMs);
    assert.equal((await get(`${url}/votes/1`)).status, 200);
    assert.equal((await get(`${url}/ranking`)).status, 200);
  }
  return pairs;
}

for (const { what, slow } of [
  { what: 'a disk that takes its time to sync', slow: slowDisk },
  { what: 'a broker that seldom gets to run', slow: starved },
]) {
  test(`${what} slows writes, and no queries; what is acknowledged stays`, async (t) => {
    await using system = await startSystem({ ownBroker: true });
    const url = await startRanking(system);
    const running = { yes: true };
    let written: Written;
    {
      await using slowness = await slow(system.brokerPid);
      if (!slowness) return t.skip('strace cannot slow a process down here');
      const queries = query(url, () => running.yes);
      written = await write(url);
      running.yes = false;
      const pairs = await queries;
      const { statuses } = written;
      await t.annotate(`writes ${JSON.stringify(statuses)}, ${pairs} pairs of queries`);
      const others = Object.keys(statuses).filter((status) => !['200', '202', '503'].includes(status));
      assert.deepEqual(others, [], 'stored, or refused in order');
      assert.ok(written.acknowledged.length > 0, 'slow is not down');
      // Whoever queries got further than whoever writes: queries do not wait behind writes.
      assert.ok(pairs > writesEach, `${pairs} pairs of queries beside ${writesEach} writes of each writer`);
    }
    // Cut off without warning, and read by a replica that knows nothing.
    await system.killBroker();
    await system.restartBroker();
    const fresh = await system.startReplica('ranking');
    await fresh.ready;
    const { likes } = (await get<{ likes: number }>(`${fresh.url}/votes/1`)).body;
    const { acknowledged, unknown } = written;
    assert.ok(likes >= acknowledged.length, `${likes} of ${acknowledged.length} acknowledged likes are there`);
    assert.ok(likes <= acknowledged.length + unknown.length, `${likes} likes: refused ones were counted`);
    for (const voterId of acknowledged) {
      const { body } = await get<{ liked: boolean }>(`${fresh.url}/votes/1?voterId=${voterId}`);
      assert.equal(body.liked, true, voterId);
    }
  });
}
