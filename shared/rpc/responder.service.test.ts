/** Serving requests over NATS: replies arrive before the caller gives up, and before the connection is closed. */
import assert from 'node:assert/strict';
import type { Msg, NatsConnection } from '@nats-io/nats-core';
import type { ServiceStats } from '@nats-io/services';
import { test } from 'vitest';
import { command, query, startEcho, timeoutMs } from '../../tests/echo-service.ts';
import { startSystem, until } from '../../tests/harness.ts';
import type { Handler } from '../operations/endpoint.ts';
import { AppError } from '../operations/errors.ts';
import { createLogger } from '../process/log.ts';
import type { ResponderOptions } from './responder.ts';
import { batchSubject, decodeReplies, encodeRequests } from './wire-format.ts';

test('the last reply has been sent when a responder has stopped', async () => {
  await using system = await startSystem({ streams: false });
  const asked = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const { nc, connection, responder } = await startEcho(system, async () => {
    asked.resolve();
    await go.promise;
    return { said: true };
  });
  await using _connection = connection;
  const answer = system.caller.ask(command, {}, { timeoutMs: 10_000 });
  await asked.promise;
  const stopped = responder[Symbol.asyncDispose]();
  // After this flush it accepts no more requests, and waits only for the last one.
  await nc.flush();
  go.resolve();
  await stopped;
  assert.equal(nc.stats().outMsgs, 1, 'the connection may be closed now');
  assert.deepEqual(await answer, { said: true });
});

test('an operation ends before its caller gives up', async () => {
  await using system = await startSystem({ streams: false });
  const left: number[] = [];
  const { connection, responder } = await startEcho(system, (_, { deadline }) => {
    left.push(deadline - Date.now());
    return { said: true };
  });
  await using _connection = connection;
  await using _responder = responder;
  await system.caller.ask(command, {}, { timeoutMs });
  await system.link.nc.request(command.subject, '{}', { timeout: timeoutMs });
  assert.deepEqual(
    left.filter((ms) => ms <= timeoutMs - 100),
    left,
    'a tenth of a second is left for the reply, both to batches and to single requests',
  );
});

/** Encodes a batch of anonymous requests. */
function batchOf(wait: number, subject: string, inputs: object[]): string {
  return encodeRequests(
    wait,
    inputs.map((input) => JSON.stringify({ subject, input })),
  );
}

/** Blocks the event loop. */
function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('a message with much work yields to the event loop, and all of it is answered', async () => {
  await using system = await startSystem({ streams: false });
  let served = 0;
  const { connection, responder } = await startEcho(
    system,
    () => ({ said: true }),
    ({ n }) => {
      work(10);
      served++;
      return { n };
    },
  );
  await using _connection = connection;
  await using _responder = responder;
  const { nc } = system.link;
  const count = 120;
  const inputs = Array.from({ length: count }, (_, n) => ({ n }));
  const bodies: string[] = [];
  nc.subscribe('_INBOX.test.busy', {
    callback: (_, message) => {
      for (const { body } of decodeReplies(message.string()).entries) bodies.push(body);
    },
  });
  await nc.flush();
  nc.publish(batchSubject('echo'), batchOf(60_000, query.subject, inputs), { reply: '_INBOX.test.busy' });
  await nc.flush();
  // Requests served in each turn of the event loop.
  const shares: number[] = [];
  while (served < count) {
    const before = served;
    await new Promise((resolve) => setTimeout(resolve));
    shares.push(served - before);
  }
  assert.ok(Math.max(...shares) <= 20, `${count} requests of 10 ms each were served in turns of ${shares}`);
  while (bodies.length < count) await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(
    bodies,
    inputs.map((input) => JSON.stringify(input)),
  );
});

test('a request whose deadline passes before its turn is refused and not executed', async () => {
  await using system = await startSystem({ streams: false });
  const done: number[] = [];
  const { connection, responder } = await startEcho(
    system,
    () => ({ said: true }),
    ({ n }, { deadline }) => {
      while (Date.now() <= deadline + 10);
      done.push(n);
      return { n };
    },
  );
  await using _connection = connection;
  await using _responder = responder;
  const batch = batchOf(600, query.subject, [{ n: 1 }, { n: 2 }]);
  const statuses: number[] = [];
  const { nc } = system.link;
  nc.subscribe('_INBOX.test.late', {
    callback: (_, message) => {
      for (const { status } of decodeReplies(message.string()).entries) statuses.push(status);
    },
  });
  await nc.flush();
  nc.publish(batchSubject('echo'), batch, { reply: '_INBOX.test.late' });
  await until(() => statuses.length === 2, 'two replies');
  assert.deepEqual([statuses, done], [[200, 503], [1]]);
});

test('a queued request whose reply cannot be sent neither ends the process nor delays others', async () => {
  await using system = await startSystem({ streams: false });
  await system.connection.first;
  const lines: string[] = [];
  const log = createLogger('echo', 'error', { write: (line: string) => void lines.push(line) });
  let served = 0;
  const handler: Handler<typeof query> = ({ n }) => {
    work(10);
    served++;
    return { n };
  };
  const respond = () => {
    throw new Error('max_payload size exceeded');
  };
  const lost = (message: Msg): Msg => Object.create(message, { respond: { value: respond } });
  const subscribe: NatsConnection['subscribe'] = (subject, { callback, ...options } = {}) =>
    system.link.nc.subscribe(subject, { ...options, callback: (error, message) => callback?.(error, lost(message)) });
  const nc = Object.create(system.link.nc, { subscribe: { value: subscribe } }) as NatsConnection;
  const { connection } = await startEcho(system, () => ({ said: true }), handler, { log, nc });
  await using _connection = connection;
  const count = 5;
  for (let n = 0; n < count; n++) system.link.nc.publish(query.subject, `{"n":${n}}`, { reply: '_INBOX.test.lost' });
  await until(() => lines.filter((line) => line.includes('a reply could not be sent')).length === count, 'all of them');
  assert.equal(served, count);
});

test('answers only requests whose reply subject is an inbox', async () => {
  await using system = await startSystem({ streams: false });
  let said = 0;
  const { connection, responder } = await startEcho(system, () => {
    said++;
    return { said: true };
  });
  await using _connection = connection;
  await using _responder = responder;
  const { nc } = system.link;
  const answers: string[] = [];
  nc.subscribe('votes.>', { callback: (_, { subject }) => void answers.push(subject) });
  for (const [subject, data] of [
    [command.subject, '{}'],
    [batchSubject('echo'), batchOf(500, command.subject, [{}])],
    [batchSubject('echo'), batchOf(500, 'echo.nothing', [{}])],
  ] as const) {
    nc.publish(subject, data, { reply: 'votes.hub.1' });
    nc.publish(subject, data);
  }
  // Its reply comes after all replies to the requests before it.
  await nc.request(command.subject, '{}', { timeout: 20_000 });
  await nc.flush();
  assert.deepEqual([answers, said], [[], 1]);
});

test('nats micro stats counts requests and errors of an operation, both in batches and single ones', async () => {
  await using system = await startSystem({ streams: false });
  const { connection, responder } = await startEcho(
    system,
    () => ({ said: true }),
    ({ n }) => {
      if (n < 0) throw new AppError('conflict', 'Too low.');
      return { n };
    },
  );
  await using _connection = connection;
  await using _responder = responder;
  // Not by a caller, which would send requests twice on a slow machine.
  const inputs = [1, 2, -1].map((n) => ({ n }));
  await system.link.nc.request(batchSubject('echo'), batchOf(timeoutMs, query.subject, inputs), { timeout: timeoutMs });
  for (const input of ['{"n":3}', '{"n":-1}', 'no json']) {
    await system.link.nc.request(query.subject, input, { timeout: timeoutMs });
  }
  const reply = await system.link.nc.request('$SRV.STATS.echo', '', { timeout: timeoutMs });
  const { endpoints = [] } = reply.json<ServiceStats>();
  const { num_requests, num_errors, last_error } = endpoints.find(({ subject }) => subject === query.subject) ?? {};
  assert.deepEqual([num_requests, num_errors], [6, 3]);
  assert.match(String(last_error), /^400: The input is not JSON/);
});

test('a replica serves its group at once, and requests for any replica only when it is complete', async () => {
  await using system = await startSystem();
  const complete = Promise.withResolvers<void>();
  const group = (name: string, options: Partial<ResponderOptions> = {}) =>
    startEcho(
      system,
      () => ({ said: true }),
      ({ n }) => ({ n: n + Number(name) }),
      { group: name, ...options },
    );
  await using stack = new AsyncDisposableStack();
  const first = await group('100');
  stack.use(first.connection);
  stack.use(first.responder);
  const second = group('200', { complete: complete.promise });
  const ask = (name?: string) => system.caller.ask(query, { n: 1 }, { timeoutMs, group: name });
  await until(async () => (await ask('200').catch(() => undefined))?.n === 201, 'the second group');
  assert.deepEqual(await ask('100'), { n: 101 });
  for (let round = 0; round < 20; round++) assert.deepEqual(await ask(), { n: 101 });
  complete.resolve();
  const { connection, responder } = await second;
  stack.use(connection);
  stack.use(responder);
  await until(async () => (await ask()).n === 201, 'the second group to take its share');
  await assert.rejects(ask('300'), { code: 'unavailable' });
});

test('anonymous requests take turns by client address, also within one message', async () => {
  await using system = await startSystem({ streams: false });
  const served: number[] = [];
  const handler: Handler<typeof query> = ({ n }) => {
    work(10);
    served.push(n);
    return { n };
  };
  const { connection, responder } = await startEcho(system, () => ({ said: true }), handler);
  await using _connection = connection;
  await using _responder = responder;
  const request = (from: string, n: number) => JSON.stringify({ subject: query.subject, input: { n }, from });
  const flood = Array.from({ length: 20 }, () => request('192.0.2.1', 1));
  system.connection.link.nc.publish(
    batchSubject('echo'),
    encodeRequests(timeoutMs, [...flood, request('192.0.2.2', 2)]),
    {
      reply: '_INBOX.nobody',
    },
  );
  await until(() => served.includes(2), 'the second address to be served');
  assert.ok(served.indexOf(2) <= 3, `served ${served}`);
});
