/** Requests to replicas of which one hangs: the broker goes on giving it its share. */
import assert from 'node:assert/strict';
import { type Msg, nuid } from '@nats-io/nats-core';
import { test } from 'vitest';
import { z } from 'zod';
import { type System, startSystem, until } from '../../tests/harness.ts';
import { operation } from '../operations/operation.ts';
import { ServiceCaller } from './caller.ts';
import { Unanswered } from './service-client.ts';
import { batchSubject, decodeRequests, encodeReplies, pingSubject, replicaSubject } from './wire-format.ts';

const base = { subject: 'echo.get', path: '/', access: 'public', summary: '', example: { n: 1 } } as const;
const shape = { input: z.object({ n: z.int(), key: z.string().optional() }), output: z.object({ by: z.string() }) };
const query = operation({ ...base, ...shape, method: 'GET' });
const command = operation({ ...base, ...shape, method: 'POST', idempotent: ({ key }) => key !== undefined });

/** A replica of the service `echo`, which answers who it is: at once, after a while, or not at all. */
class Echo {
  readonly id = nuid.next();
  /** Inputs that it got, answered or not. */
  readonly got: number[] = [];
  /** How many were in each message. */
  readonly batches: number[] = [];
  hangs = false;
  delayMs = 0;
  readonly #subscriptions;

  constructor({ link: { nc } }: System) {
    const callback = (_: Error | null, message: Msg): void => this.#take(message);
    const pinged = (_: Error | null, message: Msg): void => this.#respond(message, '{}');
    this.#subscriptions = [
      nc.subscribe(batchSubject('echo'), { queue: 'echo', callback }),
      nc.subscribe(replicaSubject('echo', this.id), { queue: 'echo', callback }),
      nc.subscribe(pingSubject('echo', this.id), { callback: pinged }),
    ];
  }

  stop(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  #take(message: Msg): void {
    const requests = decodeRequests(message.string());
    this.batches.push(requests.length);
    this.got.push(...requests.map(({ input }) => (input as { n: number }).n));
    const body = JSON.stringify({ by: this.id });
    const replies = requests.map(({ id }) => ({ id, status: 200, body }));
    this.#respond(message, encodeReplies(replies, this.id));
  }

  #respond(message: Msg, text: string): void {
    if (!this.hangs) setTimeout(() => message.respond(text), this.delayMs);
  }
}

/** Two replicas that the caller has met. */
async function startTwo(system: System): Promise<[Echo, Echo]> {
  await system.connection.first;
  const replicas: [Echo, Echo] = [new Echo(system), new Echo(system)];
  await until(async () => {
    await system.caller.ask(query, { n: 0 }, { timeoutMs: 2000 });
    return replicas.every(({ got }) => got.length > 0);
  }, 'both replicas to be asked');
  return replicas;
}

/** Counts requests, so that each can be told from the others. */
let sentSoFar = 0;

/** Sends requests in several messages, and gives what came of each. */
async function ask(system: System, asked: typeof query, count: number, timeoutMs: number, key?: string) {
  const pending: Promise<{ by: string }>[] = [];
  for (let sent = 0; sent < count; sent++) {
    pending.push(system.caller.ask(asked, { n: ++sentSoFar, ...(key ? { key } : {}) }, { timeoutMs }));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const settled = await Promise.allSettled(pending);
  const failures = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  const by = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value.by] : []));
  return { failures, by };
}

/** Waits until a hanging replica is sent nothing any more, by requests each in a message of its own. */
async function untilLeftAlone(system: System, { got }: Echo): Promise<void> {
  await until(async () => {
    const before = got.length;
    for (let message = 0; message < 12; message++) await ask(system, query, 1, 10_000);
    return got.length === before;
  }, 'the hanging replica to be left alone');
}

// Each has a system of its own, and waits for time that another can use: so all of them at once.
test.concurrent('queries that a hanging replica has swallowed are answered by the other, and it is left alone until it is back', async () => {
  await using system = await startSystem({ streams: false });
  const [a, b] = await startTwo(system);
  b.hangs = true;
  const before = b.got.length;
  await until(async () => {
    const { failures, by } = await ask(system, query, 40, 10_000);
    assert.deepEqual([failures, new Set(by)], [[], new Set([a.id])]);
    return b.got.length > before;
  }, 'the hanging replica to swallow some');
  const repeated = /marquee_requests_repeated_total\{service_peer_name="echo"\} (\d+)/;
  assert.ok(Number(repeated.exec(await system.connection.telemetry.metrics.text())?.[1]) > 0);

  // Known to hang: nothing is sent to it any more, commands neither.
  await untilLeftAlone(system, b);
  const writes = await ask(system, command, 40, 10_000);
  assert.deepEqual([writes.failures.length, new Set(writes.by)], [0, new Set([a.id])]);

  b.hangs = false;
  await until(async () => (await ask(system, query, 20, 10_000)).by.includes(b.id), 'it to be asked again');
});

test.concurrent('requests that come together go together', async () => {
  await using system = await startSystem({ streams: false });
  await system.connection.first;
  const echo = new Echo(system);
  // Queries are asked twice where a machine is slow.
  const askAll = (count: number) =>
    Promise.allSettled(
      Array.from({ length: count }, () => system.caller.ask(command, { n: 1 }, { timeoutMs: 20_000 })),
    );
  await until(async () => (await askAll(1)).every(({ status }) => status === 'fulfilled'), 'the service to be found');
  echo.batches.length = 0;
  await askAll(5);
  assert.deepEqual(echo.batches, [5]);
  await askAll(70);
  assert.deepEqual(echo.batches, [5, 70]);
});

test.concurrent('what cannot be sent is refused, and holds up nobody who asks in the same turn', async () => {
  await using system = await startSystem({ streams: false });
  await startTwo(system);
  const send = (extra: Record<string, unknown>, timeoutMs = 5000) =>
    system.caller.send(query, { n: 1, ...extra }, { timeoutMs });
  const deep: unknown = JSON.parse('['.repeat(200_000) + ']'.repeat(200_000));
  // Six bytes each on their way, so that the two are too large together, which nobody sees before.
  const text = '\u0001'.repeat(95_000);
  const settled = await Promise.allSettled([
    send({}),
    send({ deep }),
    send({ text }),
    send({ text }),
    send({ text: text + text }),
    send({}, 0),
    send({}),
  ]);
  const outcomes = settled.map((one) => (one.status === 'fulfilled' ? one.value.status : one.reason.code));
  assert.deepEqual(outcomes, [200, 'invalid', 200, 200, 'too_large', 'unavailable', 200]);
});

test.concurrent('what is no answer is not taken for one, and does no harm to others', async () => {
  await using system = await startSystem({ streams: false });
  await startTwo(system);
  const { nc } = system.link;
  nc.subscribe(batchSubject('odd'), { callback: (_, message) => void message.respond('no\nindex') });
  const odd = operation({ ...base, ...shape, subject: 'odd.get', method: 'GET' });
  const none = assert.rejects(system.caller.ask(odd, { n: 1 }, { timeoutMs: 300 }), { code: 'unavailable' });
  await none;
  const { failures } = await ask(system, query, 5, 10_000);
  assert.deepEqual(failures, [], 'the connection still reads');
});

test.concurrent('silence of all replicas is told from the silence of one', async () => {
  await using system = await startSystem({ streams: false });
  for (const replica of await startTwo(system)) replica.hangs = true;
  const { failures } = await ask(system, query, 10, 700);
  // A query has no outcome: nothing can have been stored.
  assert.deepEqual(
    failures.map((error) => [(error as Unanswered).noReplicaResponded, (error as Unanswered).outcome]),
    Array.from({ length: 10 }, () => [true, undefined]),
  );
});

test.concurrent('a replica that is gone is forgotten, and what was sent to it alone is sent to another', async () => {
  await using system = await startSystem({ streams: false });
  const [a, b] = await startTwo(system);
  b.hangs = true;
  await untilLeftAlone(system, b);
  const c = new Echo(system);
  a.stop();
  b.stop();
  const { failures, by } = await ask(system, command, 20, 10_000);
  assert.deepEqual([failures.length, new Set(by)], [0, new Set([c.id])]);
});

test.concurrent('a service that its contract does not say is asked is not asked', async () => {
  await using system = await startSystem({ streams: false });
  const caller = new ServiceCaller(system.connection, ['movies']);
  await assert.rejects(caller.ask(query, { n: 1 }, { timeoutMs: 1000 }), /test asks echo: its contract must say so/);
});

// These two alone: what others do meanwhile would be taken for replicas being slow, or silent.
test('replicas that have too much to do are not asked twice', async () => {
  await using system = await startSystem({ streams: false });
  const replicas = await startTwo(system);
  for (const replica of replicas) replica.delayMs = 900;
  // Something is answered all the time, each time late.
  const asked = Array.from({ length: 60 }, async (_, n) => {
    await new Promise((resolve) => setTimeout(resolve, n * 25));
    return system.caller.ask(query, { n: n + 1 }, { timeoutMs: 10_000 });
  });
  await Promise.all(asked);
  const sent = replicas.flatMap(({ got }) => got).filter((n) => n > 30);
  assert.equal(sent.length, 30, 'once they are known to be slow');
});

test('a command that got no answer is not sent again, unless a repeat can do no harm', async () => {
  await using system = await startSystem({ streams: false });
  const [a, b] = await startTwo(system);
  b.hangs = true;
  const lost: Unanswered[] = [];
  await until(async () => {
    const { failures, by } = await ask(system, command, 40, 600);
    lost.push(...(failures as Unanswered[]));
    assert.equal(failures.length + by.length, 40);
    return lost.some(({ noReplicaResponded }) => !noReplicaResponded);
  }, 'the hanging replica to swallow some, while the service as a whole is there');
  for (const error of lost) {
    assert.ok(error instanceof Unanswered);
    assert.equal(error.outcome, 'unknown');
  }
  const sent = [...a.got, ...b.got].filter((n) => n > 0);
  assert.equal(new Set(sent).size, sent.length, 'each was sent once');
  b.hangs = false;
  await until(async () => (await ask(system, query, 20, 5000)).by.includes(b.id), 'it to be asked again');
  b.hangs = true;
  const keyed = await ask(system, command, 40, 10_000, 'key');
  assert.deepEqual([keyed.failures.length, new Set(keyed.by)], [0, new Set([a.id])]);
});
