import assert from 'node:assert/strict';
import type { Msg } from '@nats-io/nats-core';
import { test, vi } from 'vitest';
import { until } from '../../tests/until.ts';
import type { Connection } from '../broker/connection.ts';
import { Telemetry } from '../observe/telemetry.ts';
import { encodedRequest, groupByDeadline, type PendingRequest, serviceClient } from './service-client.ts';
import { encodeReplies } from './wire-format.ts';

const encoded = (input: unknown) => encodedRequest({ subject: 'echo.get', input });
const request = (input: unknown, timeoutMs = 5000): PendingRequest => ({
  ...encoded(input),
  deadline: performance.now() + timeoutMs,
  isCommand: true,
  mayHedge: false,
  inFlight: 0,
  resolve: () => {},
  reject: () => {},
});

test('requests with similar deadlines share a message', () => {
  // Keeps the deadlines exact on a slow machine.
  vi.useFakeTimers({ toFake: ['performance'] });
  const urgent = request({ n: 1 }, 800);
  // Requests that were made one after another before any could be sent.
  const later = Array.from({ length: 40 }, (_, i) => request({ n: i }, 4800 + i * 5));
  const batches = groupByDeadline([...later, urgent, urgent]);
  vi.useRealTimers();
  assert.deepEqual(
    batches.map(({ length }) => length),
    [2, 40],
  );
});

test('refuses a request that is nested too deeply or does not fit in a message', () => {
  const deep: unknown = JSON.parse('['.repeat(200_000) + ']'.repeat(200_000));
  assert.throws(() => encoded({ deep }), { code: 'invalid', message: 'The request is nested too deeply.' });
  // Each of these characters takes six bytes.
  assert.throws(() => encoded({ text: '\u0001'.repeat(190_000) }), { code: 'too_large' });
  assert.throws(() => encoded({ text: '映'.repeat(350_000) }), { code: 'too_large' });
});

type Receive = (error: Error | null, message: Msg) => void;

/** Starts a client with a fake connection and sends a request: the test sees what is sent, and sends the replies. */
function start(timeoutMs: number, given: Partial<PendingRequest> = {}) {
  let receive: Receive = () => {};
  let changed = (): void => {};
  const sent = Promise.withResolvers<string>();
  const subjects: string[] = [];
  const nc = {
    subscribe: (_: string, { callback }: { callback: Receive }) => (receive = callback),
    publish: (subject: string, _: string, { reply }: { reply: string }) => {
      subjects.push(subject);
      sent.resolve(reply);
    },
  };
  const telemetry = new Telemetry('test');
  const onChange = (listener: () => void) => (changed = listener);
  const connection = { link: { nc }, name: 'test', telemetry, onChange };
  const client = serviceClient('echo', connection as unknown as Connection);
  const outcome = new Promise<string>((resolve) => {
    const resolved = { resolve: () => resolve('reply'), reject: ({ message }: Error) => resolve(message) };
    client.add({ ...request({ n: 1 }, timeoutMs), ...given, ...resolved });
  });
  return {
    sent: sent.promise,
    subjects,
    receive: (message: Msg) => receive(null, message),
    lose: () => changed(),
    outcome,
  };
}

test('accepts a reply that waited in the socket while this process was busy', async () => {
  const { sent, receive, outcome } = start(60);
  const subject = await sent;
  const text = encodeReplies([{ id: 0, status: 200, body: '{}' }], 'r1');
  // The event loop reads sockets between timers and immediates; this stands for such a read.
  setTimeout(() => {
    setImmediate(() => receive({ subject, data: Buffer.from(text), string: () => text } as unknown as Msg));
    const end = performance.now() + 200;
    while (performance.now() < end);
  }, 1);
  assert.equal(await outcome, 'reply');
});

test('a request without a reply fails at its deadline, or when the connection is lost', async () => {
  assert.equal(await start(20).outcome, 'echo did not answer in time.');
  const { sent, lose, outcome } = start(60_000);
  await sent;
  lose();
  assert.equal(await outcome, 'The connection to the broker was lost before echo answered.');
});

test('a slow query is sent once more, to any replica, while none is known', async () => {
  const { subjects, lose, outcome } = start(60_000, { mayHedge: true });
  await until(() => subjects.length > 1, 'it to be sent again');
  assert.deepEqual(subjects, ['echo.batch', 'echo.batch']);
  lose();
  assert.equal(await outcome, 'The connection to the broker was lost before echo answered.');
});
