/** A slow disk or an overloaded broker slows down writes, but not queries, and loses nothing. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { get, post, type System, startSystem, until } from './harness.ts';
import { slowDisk, starved } from './slowness.ts';

const writers = 30;
const fewestWritesEach = 3;
/** Queries sent one after another while a write waits: if they waited for it, the write could not outlast them. */
const queriesInARow = 4;

interface Written {
  /** Viewers whose like was acknowledged, and those whose like has an unknown outcome. */
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

/** Sends writes and queries until several queries were answered one after another while a write waited. */
async function writeAndQuery(url: string): Promise<Written> {
  const written: Written = { acknowledged: [], unknown: [], statuses: {} };
  const waiting = new Set<string>();
  let overtaken = false;
  const write = async (_: unknown, index: number): Promise<void> => {
    for (let round = 0; round < fewestWritesEach || !overtaken; round++) {
      const voterId = `fan-${index}-${round}`;
      waiting.add(voterId);
      const { status, body } = await post(`${url}/votes/1/like`, { voterId });
      waiting.delete(voterId);
      written.statuses[status] = (written.statuses[status] ?? 0) + 1;
      if (status < 300) written.acknowledged.push(voterId);
      else if (body.outcome === 'unknown') written.unknown.push(voterId);
    }
  };
  const query = async (): Promise<void> => {
    while (!overtaken) {
      const before = [...waiting];
      for (let asked = 0; asked < queriesInARow; asked++)
        assert.equal((await get(asked % 2 ? `${url}/ranking` : `${url}/votes/1`)).status, 200);
      overtaken = before.some((voterId) => waiting.has(voterId));
    }
  };
  await Promise.all([query(), ...Array.from({ length: writers }, write)]);
  return written;
}

for (const { what, slow } of [
  { what: 'a disk that takes its time to sync', slow: slowDisk },
  { what: 'a broker that seldom gets to run', slow: starved },
]) {
  test(`${what} slows down writes but not queries, and loses nothing acknowledged`, async (t) => {
    await using system = await startSystem({ ownBroker: true });
    const url = await startRanking(system);
    let written: Written;
    {
      await using slowness = await slow(system.brokerPid);
      if (!slowness) return t.skip('strace cannot slow a process down here');
      written = await writeAndQuery(url);
      const { statuses } = written;
      await t.annotate(`writes ${JSON.stringify(statuses)}`);
      const others = Object.keys(statuses).filter((status) => !['200', '202', '503'].includes(status));
      assert.deepEqual(others, [], 'stored, or refused in order');
      assert.ok(written.acknowledged.length > 0, 'slow is not down');
    }
    // Kill the broker, and read its streams with a new replica.
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
