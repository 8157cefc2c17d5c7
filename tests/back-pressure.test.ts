/** Overload is refused at once in bounded memory, and a hanging broker does not block queries. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { get, post, type System, startSystem, until } from './harness.ts';

const limit = 100;
const burst = 10 * limit;
/** Pause of a client after Retry-After, shorter than the header asks. */
const pauseMs = 50;
const tooMany = 'Too many requests at once.';

/** Stand for a status: the connection was lost, or could not be made because this machine is too busy. */
const lost = 0;
const unconnected = -1;
const connectTimeout = 'UND_ERR_CONNECT_TIMEOUT';

interface Tally {
  statuses: Map<number, number>;
  /** Reasons of lost or failed connections. */
  errors: Map<string, number>;
}

async function startRanking(system: System, room: number, env = {}): Promise<{ url: string; pid: number }> {
  const [movies] = await system.start('movies');
  assert.equal((await post(`${movies.url}/movies`, { movieId: 1, title: 'Alien' })).status, 201);
  const { url, program } = await system.spawn('ranking', 'node', {
    MAX_IN_FLIGHT: String(room),
    ...env,
  });
  await until(async () => (await get(`${url}/votes/1`)).status === 200, 'ranking');
  return { url, pid: program.child.pid as number };
}

/** Returns the resident memory of a process in MB; undefined without /proc. */
function memoryMb(pid: number): number | undefined {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  } catch {
    return undefined;
  }
}

/** Lets `clients` concurrent clients like a movie several times each; `seen` is called for each answer. */
async function rush(url: string, name: string, clients: number, rounds: number, seen = () => {}): Promise<Tally> {
  const tally: Tally = { statuses: new Map(), errors: new Map() };
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let round = 0; round < rounds; round++) {
        const vote = post(`${url}/votes/1/like`, { voterId: `${name}-${client}-${round}` });
        const status = await vote.then(
          (reply) => reply.status,
          (error: Error) => {
            const { code = error.message } = (error.cause ?? {}) as { code?: string };
            tally.errors.set(code, (tally.errors.get(code) ?? 0) + 1);
            return code === connectTimeout ? unconnected : lost;
          },
        );
        seen();
        if (status === unconnected) continue;
        tally.statuses.set(status, (tally.statuses.get(status) ?? 0) + 1);
        if (status === 503) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }),
  );
  return tally;
}

test('a burst of ten times the limit is refused beyond the limit, in bounded memory, without after-effects', async (t) => {
  await using system = await startSystem();
  const { url, pid } = await startRanking(system, limit);
  await rush(url, 'early', 50, 1);
  const before = memoryMb(pid) ?? 0;
  let most = before;
  const tally = await rush(url, 'fan', burst, 2, () => {
    most = Math.max(most, memoryMb(pid) ?? 0);
  });
  const counts = Object.fromEntries(tally.statuses);
  await t.annotate(
    `${JSON.stringify({ ...counts, ...Object.fromEntries(tally.errors) })}, ${Math.round(before)} to ${Math.round(most)} MB`,
  );
  // 408: this machine was too busy to send the request within ten seconds, so it had no effect.
  assert.deepEqual(
    Object.keys(counts).filter((status) => !['0', '200', '408', '503'].includes(status)),
    [],
  );
  assert.ok((counts[lost] ?? 0) < burst / 50, 'requests are answered or refused, with few lost connections');
  assert.ok(most < before + 250, `memory went from ${before} to ${most} MB`);
  const { status } = await post(`${url}/votes/1/like`, { voterId: 'afterwards' });
  assert.equal(status, 200, 'normal again at once');
  const { body } = await get<{ likes: number }>(`${url}/votes/1`);
  const acknowledged = (counts['200'] ?? 0) + 50 + 1;
  assert.ok(body.likes >= acknowledged, 'each acknowledged vote counts');
  assert.ok(body.likes <= acknowledged + (counts[lost] ?? 0), 'and no refused one');
});

test('a hanging broker blocks writes but not queries, and writes beyond the limit are refused at once', async () => {
  await using system = await startSystem({ ownBroker: true });
  const room = 10;
  const { url } = await startRanking(system, room, { REQUEST_TIMEOUT_MS: '2500' });
  system.signalBroker('SIGSTOP');
  const answered: string[] = [];
  const write = async (_: unknown, n: number): Promise<void> => {
    const { status, body } = await post(`${url}/votes/1/like`, { voterId: `fan-${n}` });
    assert.equal(status, 503);
    answered.push(String(body.detail));
  };
  try {
    await until(async () => {
      answered.length = 0;
      const writes = Array.from({ length: 2 * room }, write);
      for (const path of ['/votes/1', '/ranking']) assert.equal((await get(url + path)).status, 200);
      answered.push('queries');
      await Promise.all(writes);
      // As many writes as the limit allows wait for the broker; all others are answered before those time out.
      const timedOut = answered.findIndex((detail) => /did not confirm in time/.test(detail));
      const earlier = answered.slice(0, Math.max(0, timedOut));
      return earlier.includes(tooMany) && earlier.includes('queries');
    }, 'queries and refusals to overtake the writes');
  } finally {
    system.signalBroker('SIGCONT');
  }
  await until(async () => (await post(`${url}/votes/1/like`, { voterId: 'afterwards' })).status === 200, 'a write');
});
