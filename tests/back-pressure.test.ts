/** More than can be done is refused at once, in bounded memory; a broker that hangs takes no queries with it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { get, post, type System, startSystem, until } from './harness.ts';

const limit = 100;
const burst = 10 * limit;

/** Instead of a status: the connection was lost; or there was none, because this machine is too busy to make it. */
const lost = 0;
const unconnected = -1;
const connectTimeout = 'UND_ERR_CONNECT_TIMEOUT';

interface Tally {
  statuses: Map<number, number>;
  /** Milliseconds that each refusal took, from the time that the connection was there. */
  refusals: number[];
  /** Why connections were lost, or could not be made. */
  errors: Map<string, number>;
}

async function startRanking(system: System): Promise<{ url: string; pid: number }> {
  const { url: movies } = await system.spawn('movies');
  await until(async () => (await get(`${movies}/readyz`)).status === 200, 'movies');
  assert.equal((await post(`${movies}/movies`, { movieId: 1, title: 'Alien' })).status, 201);
  const { url, program } = await system.spawn('ranking', 'node', { MAX_IN_FLIGHT: String(limit) });
  await until(async () => (await get(`${url}/votes/1`)).status === 200, 'ranking');
  return { url, pid: program.child.pid as number };
}

/** Resident memory of a process in MB; undefined where there is no /proc. */
function memoryMb(pid: number): number | undefined {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  } catch {
    return undefined;
  }
}

/** `clients` at once like a movie, again and again while `goesOn`. */
async function rush(url: string, name: string, clients: number, goesOn: () => boolean, pauseMs = 50): Promise<Tally> {
  const tally: Tally = { statuses: new Map(), refusals: [], errors: new Map() };
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let round = 0; round === 0 || goesOn(); round++) {
        const startedAt = performance.now();
        const vote = post(`${url}/votes/1/like`, { voterId: `${name}-${client}-${round}` });
        const status = await vote.then(
          (reply) => reply.status,
          (error: Error) => {
            const { code = error.message } = (error.cause ?? {}) as { code?: string };
            tally.errors.set(code, (tally.errors.get(code) ?? 0) + 1);
            return code === connectTimeout ? unconnected : lost;
          },
        );
        if (status === unconnected) continue;
        const took = performance.now() - startedAt;
        tally.statuses.set(status, (tally.statuses.get(status) ?? 0) + 1);
        // The first request of a client has its connection to make, one of a thousand.
        // As a client that has been told to come later, though sooner than it was told.
        if (status === 503) await new Promise((resolve) => setTimeout(resolve, pauseMs));
        if (status === 503 && round > 0) tally.refusals.push(took);
      }
    }),
  );
  return tally;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

test('a burst of ten times what fits is refused quickly, in bounded memory, and is over at once', async (t) => {
  await using system = await startSystem();
  const { url, pid } = await startRanking(system);
  await rush(url, 'early', 50, () => false);
  const before = memoryMb(pid) ?? 0;
  let most = before;
  const end = Date.now() + 5000;
  const tally = await rush(url, 'fan', burst, () => {
    most = Math.max(most, memoryMb(pid) ?? 0);
    return Date.now() < end;
  });
  const counts = Object.fromEntries(tally.statuses);
  await t.annotate(
    `${JSON.stringify({ ...counts, ...Object.fromEntries(tally.errors) })}, refused in ${Math.round(median(tally.refusals))} ms, ${Math.round(before)} to ${Math.round(most)} MB`,
  );
  assert.deepEqual(
    Object.keys(counts).filter((status) => !['0', '200', '503'].includes(status)),
    [],
  );
  assert.ok((counts[lost] ?? 0) < burst / 50, 'what is not done is refused, and nothing else');
  // Sender and service share this machine with other tests: most of the time is the sender's own.
  assert.ok(median(tally.refusals) < 5000, 'a refusal does not wait for work');
  assert.ok(most < before + 250, `memory went from ${before} to ${most} MB`);
  const { status } = await post(`${url}/votes/1/like`, { voterId: 'afterwards' });
  assert.equal(status, 200, 'normal again at once');
  const { body } = await get<{ likes: number }>(`${url}/votes/1`);
  const acknowledged = (counts['200'] ?? 0) + 50 + 1;
  assert.ok(body.likes >= acknowledged, 'each acknowledged vote counts');
  assert.ok(body.likes <= acknowledged + (counts[lost] ?? 0), 'and no refused one');
});

test('a broker that hangs holds up writes, and no queries', async () => {
  await using system = await startSystem({ ownBroker: true });
  const { url } = await startRanking(system);
  system.signalBroker('SIGSTOP');
  const released = { yes: false };
  // As many writes as there is room for hang; queries must not wait behind them. Those that are refused do not hurry,
  // so that it is not this process, which sends all of it, that holds up the queries.
  const writes = rush(url, 'fan', 2 * limit, () => !released.yes, 500);
  const queryTimes: number[] = [];
  try {
    for (let round = 0; round < 20; round++) {
      const startedAt = performance.now();
      assert.equal((await get(`${url}/votes/1`)).status, 200);
      assert.equal((await get(`${url}/ranking`)).status, 200);
      queryTimes.push(performance.now() - startedAt);
    }
  } finally {
    released.yes = true;
    system.signalBroker('SIGCONT');
  }
  assert.ok(median(queryTimes) < 2000, `two queries took ${median(queryTimes)} ms`);
  await writes;
  await until(async () => (await post(`${url}/votes/1/like`, { voterId: 'afterwards' })).status === 200, 'a write');
});
