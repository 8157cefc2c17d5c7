import assert from 'node:assert/strict';
import type { Msg } from '@nats-io/nats-core';
import { test } from 'vitest';
import { z } from 'zod';
import { type System, startSystem, until } from '../../tests/harness.ts';
import { AppError } from '../operations/errors.ts';
import { event } from '../operations/event.ts';
import type { StoredEvent } from './event-codec.ts';
import { Worker } from './worker.ts';

const opened = event({
  type: 'marquee.ticket.opened.v1',
  stream: 'SUPPORT',
  subject: 'support.{site}.{ticketId}.opened',
  summary: '',
  payload: z.object({ n: z.int() }),
  example: { n: 1 },
});
const durable = 'test-worker';
/** Longer than a test waits: on a busy machine a redelivery would count as another attempt. */
const longAckWaitMs = 60_000;

type Handle = (event: StoredEvent<{ n: number }>) => Promise<void> | void;

function start(system: System, handle: Handle, ackWaitMs = 1000): Worker {
  return new Worker({
    durable,
    event: opened,
    connection: system.connection,
    ackWaitMs,
    handle: async (taken) => handle(taken as StoredEvent<{ n: number }>),
  });
}

const publish = (system: System, n: number) => system.publish(`support.hub.t${n}.opened`, { n });

/** Waits until no message is pending. */
const idle = (system: System) =>
  until(async () => {
    const { num_ack_pending, num_pending } = await (await system.streams()).consumers.info('SUPPORT', durable);
    return num_ack_pending + num_pending === 0;
  }, 'all work to be done');

// Each test has a system of its own and mostly waits, so they run concurrently.
test.concurrent('retries a failing message, then sends it to DEADLETTERS, without delaying other messages', async () => {
  await using system = await startSystem();
  const times: number[] = [];
  const done: number[] = [];
  const handle: Handle = ({ data }) => {
    // Records how many attempts the failing message had had by then.
    if (data.n !== 1) return void done.push(times.length);
    times.push(performance.now());
    throw new Error('never works');
  };
  await using worker = start(system, handle, longAckWaitMs);
  const sequence = await publish(system, 1);
  for (const n of [2, 3, 4]) await publish(system, n);
  await until(() => done.length === 3, 'the others to be done');
  assert.ok(Math.max(...done) < 4, 'they did not wait until the failing one was given up');
  const unreadable = await system.publish('support.hub.t9.opened', '{"n":"nine"}');
  await until(async () => (await system.deadLetters()).length === 2, 'two dead letters');
  assert.deepEqual((await system.deadLetters()).map((subject) => subject.replace(/\.[^.]+-/, ' ')).sort(), [
    `deadletters.SUPPORT.test ${sequence}.failed`,
    `deadletters.SUPPORT.test ${unreadable}.failed`,
  ]);
  assert.equal(times.length, 4);
  const delays = times.slice(1).map((time, index) => time - (times[index] as number));
  assert.ok(
    delays.every((delay, index) => delay > 150 * 4 ** index),
    `growing delays, not ${delays}`,
  );
  await idle(system);
  void worker;
});

test.concurrent('retries without limit after AppError unavailable', async () => {
  await using system = await startSystem();
  let calls = 0;
  const handle: Handle = () => {
    if (++calls < 4) throw new AppError('unavailable', 'not yet');
  };
  await using worker = start(system, handle, longAckWaitMs);
  await publish(system, 1);
  await until(() => calls === 4, 'the work to be done');
  await idle(system);
  assert.deepEqual(await system.deadLetters(), []);
  void worker;
});

test.concurrent('goes on after its consumer or its stream was deleted', async () => {
  await using system = await startSystem();
  const done = new Set<number>();
  await using worker = start(system, ({ data }) => void done.add(data.n));
  await publish(system, 1);
  await until(() => done.has(1), 'the first');
  const jsm = await system.streams();
  await jsm.consumers.delete('SUPPORT', durable);
  await publish(system, 2);
  await until(() => done.has(2), 'work after the consumer was deleted');
  const { config } = await jsm.streams.info('SUPPORT');
  await jsm.streams.delete('SUPPORT');
  await jsm.streams.add(config);
  await publish(system, 3);
  await until(() => done.has(3), 'work after the stream was created again');
  void worker;
});

test.concurrent('tells the broker when it begins a message, whose ack wait then starts anew', async () => {
  await using system = await startSystem();
  const told: string[] = [];
  const callback = (_: unknown, message: Msg): void => void told.push(message.string());
  system.link.nc.subscribe('$JS.ACK.SUPPORT.>', { callback });
  let before: string[] = [];
  const handle = async (): Promise<void> => {
    await system.link.nc.flush();
    before = [...told];
  };
  await using worker = start(system, handle, longAckWaitMs);
  await publish(system, 1);
  await idle(system);
  assert.deepEqual([before, told], [['+WPI'], ['+WPI', '+ACK']]);
  void worker;
});

test.concurrent('updates a consumer whose configuration has changed', async () => {
  await using system = await startSystem();
  const done: number[] = [];
  {
    await using worker = start(system, ({ data }) => void done.push(data.n), 1000);
    await publish(system, 1);
    await until(() => done.length === 1, 'the first');
    await idle(system);
    void worker;
  }
  await using worker = start(system, ({ data }) => void done.push(data.n), 2000);
  await publish(system, 2);
  await until(() => done.includes(2), 'the second');
  const { config } = await (await system.streams()).consumers.info('SUPPORT', durable);
  assert.equal(config.ack_wait, 2e9);
  void worker;
});

test.concurrent('goes on after the broker was killed, and after it hung', async () => {
  await using system = await startSystem({ ownBroker: true });
  const done = new Set<number>();
  await using worker = start(system, ({ data }) => void done.add(data.n));
  await publish(system, 1);
  await until(() => done.has(1), 'the first');
  await system.killBroker();
  await system.restartBroker();
  await until(() => publish(system, 2), 'the broker to take messages');
  await until(() => done.has(2), 'work after the kill');
  const { reconnects } = system.connection;
  system.signalBroker('SIGSTOP');
  // Long enough for the connection to be given up.
  await until(() => !system.connection.connected, 'the hang to be noticed');
  system.signalBroker('SIGCONT');
  await until(() => system.connection.reconnects > reconnects, 'the connection to be back');
  await until(() => publish(system, 3), 'the broker to take messages');
  await until(() => done.has(3), 'work after the hang');
  void worker;
});

test.concurrent('finishes messages in progress when stopped, and leaves the rest to others at once', async () => {
  await using system = await startSystem();
  const gate = Promise.withResolvers<void>();
  const begun: number[] = [];
  const finished: number[] = [];
  const first = start(
    system,
    async ({ data }) => {
      begun.push(data.n);
      await gate.promise;
      finished.push(data.n);
    },
    longAckWaitMs,
  );
  for (let n = 1; n <= 60; n++) await publish(system, n);
  await until(() => begun.length === 32, 'as many messages as a worker processes at once');
  const stopping = first[Symbol.asyncDispose]();
  const others: number[] = [];
  await using second = start(system, ({ data }) => void others.push(data.n), longAckWaitMs);
  gate.resolve();
  await stopping;
  assert.deepEqual(finished, begun);
  await until(() => finished.length + others.length === 60, 'the rest to be done');
  assert.equal(new Set([...finished, ...others]).size, 60);
  await idle(system);
  void second;
});
