/** Requests to replicas, some of which hang: the broker keeps sending them their share. */
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

/** A replica of the service `echo`, which answers with its id: at once, after a delay, or not at all. */
class Echo {
  readonly id = nuid.next();
  /** Inputs of all requests that it received, answered or not. */
  readonly got: number[] = [];
  /** Number of requests in each message. */
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

/** Starts two replicas that the caller knows, because both have answered it. */
async function startTwo(system: System): Promise<[Echo, Echo]> {
  await system.connection.first;
  const replicas: [Echo, Echo] = [new Echo(system), new Echo(system)];
  await until(async () => {
    await system.caller.ask(query, { n: 0 }, { timeoutMs: 2000 });
    return replicas.every(({ got }) => got.length > 0);
  }, 'both replicas to be asked');
  return replicas;
}

/** Number of requests sent: gives each request an input of its own. */
let sentSoFar = 0;

/** Sends requests in several messages, and returns the errors and the ids of the replicas that answered. */
async function ask(system: System, asked: typeof query, count: number, timeoutMs: number, key?: string) {
  const pending: Promise<{ by: string }>[] = [];
  for (let sent = 0; sent < count; sent++) {
    const request = system.caller.ask(asked, { n: ++sentSoFar, ...(key ? { key } : {}) }, { timeoutMs });
    // On a busy machine it may fail before all are sent.
    request.catch(() => {});
    pending.push(request);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const settled = await Promise.allSettled(pending);
  const failures = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  const by = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value.by] : []));
  return { failures, by };
}

/** Waits until a hanging replica receives nothing any more, by sending requests in a message each. */
async function untilLeftAlone(system: System, { got }: Echo): Promise<void> {
  await until(async () => {
    const before = got.length;
    for (let message = 0; message < 12; message++) await ask(system, query, 1, 10_000);
    return got.length === before;
  }, 'the hanging replica to be left alone');
}

// Each test has a system of its own and mostly waits, so they run concurrently.
test.concurrent('queries sent to a hanging replica are answered by the other, and it gets no more until it is back', async () => {
  await using system = await startSystem({ streams: false });
  const [a, b] = await startTwo(system);
  b.hangs = true;
  const before = b.got.length;
  await until(async () => {
    const { failures, by } = await ask(system, query, 40, 10_000);
    assert.deepEqual([failures, new Set(by)], [[], new Set([a.id])]);
    return b.got.length > before;
  }, 'the hanging replica to receive some');
  const repeated = /marquee_requests_repeated_total\{service_peer_name="echo"\} (\d+)/;
  assert.ok(Number(repeated.exec(await system.connection.telemetry.metrics.text())?.[1]) > 0);

  // The replica is known to hang now, so not even commands are sent to it.
  await untilLeftAlone(system, b);
  const writes = await ask(system, command, 40, 10_000);
  assert.deepEqual([writes.failures.length, new Set(writes.by)], [0, new Set([a.id])]);

  b.hangs = false;
  await until(async () => (await ask(system, query, 20, 10_000)).by.includes(b.id), 'it to be asked again');
});

test.concurrent('requests of the same turn share a message', async () => {
  await using system = await startSystem({ streams: false });
  await system.connection.first;
  const echo = new Echo(system);
  // Commands, because queries are sent twice on a slow machine.
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

test.concurrent('a request that cannot be sent is refused, and does not affect others of the same turn', async () => {
  await using system = await startSystem({ streams: false });
  await startTwo(system);
  const send = (extra: Record<string, unknown>, timeoutMs = 5000) =>
    system.caller.send(query, { n: 1, ...extra }, { timeoutMs });
  const deep: unknown = JSON.parse('['.repeat(200_000) + ']'.repeat(200_000));
  // Each character takes six bytes encoded, so two of these texts are too large for one message.
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

test.concurrent('a malformed reply is ignored, and does not affect other requests', async () => {
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

test.concurrent('an error says whether no replica at all has responded', async () => {
  await using system = await startSystem({ streams: false });
  for (const replica of await startTwo(system)) replica.hangs = true;
  const { failures } = await ask(system, query, 10, 700);
  // A query stores nothing, so its outcome is never unknown.
  assert.deepEqual(
    failures.map((error) => [(error as Unanswered).noReplicaResponded, (error as Unanswered).outcome]),
    Array.from({ length: 10 }, () => [true, undefined]),
  );
});

test.concurrent('requests addressed to a replica that is gone are sent to another one', async () => {
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

test.concurrent('refuses to call a service that is not in the asks of the contract', async () => {
  await using system = await startSystem({ streams: false });
  const caller = new ServiceCaller(system.connection, ['movies']);
  const refusal = /test calls echo: add echo to "asks" in the contract of test/;
  await assert.rejects(caller.ask(query, { n: 1 }, { timeoutMs: 1000 }), refusal);
});

// These two run alone: load of other tests would make their replicas look slow or silent.
test('requests are not sent twice to overloaded replicas', async () => {
  await using system = await startSystem({ streams: false });
  const replicas = await startTwo(system);
  for (const replica of replicas) replica.delayMs = 900;
  // Replies arrive all the time, each of them late.
  const asked = Array.from({ length: 60 }, async (_, n) => {
    await new Promise((resolve) => setTimeout(resolve, n * 25));
    return system.caller.ask(query, { n: n + 1 }, { timeoutMs: 10_000 });
  });
  await Promise.all(asked);
  const sent = replicas.flatMap(({ got }) => got).filter((n) => n > 30);
  assert.equal(sent.length, 30, 'once they are known to be slow');
});

test('a command without a reply is not sent again, unless it is idempotent', async () => {
  await using system = await startSystem({ streams: false });
  const [a, b] = await startTwo(system);
  b.hangs = true;
  const lost: Unanswered[] = [];
  await until(async () => {
    const { failures, by } = await ask(system, command, 40, 600);
    lost.push(...(failures as Unanswered[]));
    assert.equal(failures.length + by.length, 40);
    return lost.some(({ noReplicaResponded }) => !noReplicaResponded);
  }, 'the hanging replica to receive some, while the other responds');
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
