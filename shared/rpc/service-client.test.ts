import assert from 'node:assert/strict';
import type { Msg } from '@nats-io/nats-core';
import { test, vi } from 'vitest';
import { until } from '../../tests/until.ts';
import type { Connection } from '../broker/connection.ts';
import { Telemetry } from '../observe/telemetry.ts';
import { byPatience, encodedRequest, type PendingRequest, serviceClient } from './service-client.ts';
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

test('requests that wait for about as long go together', () => {
  // However long this machine takes between two requests.
  vi.useFakeTimers({ toFake: ['performance'] });
  const hasty = request({ n: 1 }, 800);
  // Those that came one after another before any could be sent.
  const patient = Array.from({ length: 40 }, (_, i) => request({ n: i }, 4800 + i * 5));
  const batches = byPatience([...patient, hasty, hasty]);
  vi.useRealTimers();
  assert.deepEqual(
    batches.map(({ length }) => length),
    [2, 40],
  );
});

test('what is nested too deeply, or does not fit in a message, is refused', () => {
  const deep: unknown = JSON.parse('['.repeat(200_000) + ']'.repeat(200_000));
  assert.throws(() => encoded({ deep }), { code: 'invalid', message: 'The request is nested too deeply.' });
  // Each of these signs takes six bytes.
  assert.throws(() => encoded({ text: '\u0001'.repeat(190_000) }), { code: 'too_large' });
  assert.throws(() => encoded({ text: '映'.repeat(350_000) }), { code: 'too_large' });
});

type Receive = (error: Error | null, message: Msg) => void;

/** A client whose broker is the test: what it sends, what it is sent, and what becomes of its connection and a request. */
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

test('a reply that lay unread while this process was busy is not late', async () => {
  const { sent, receive, outcome } = start(60);
  const subject = await sent;
  const text = encodeReplies([{ id: 0, status: 200, body: '{}' }], 'r1');
  // Behind a timer, as what is read from the network comes between those and immediates.
  setTimeout(() => {
    setImmediate(() => receive({ subject, data: Buffer.from(text), string: () => text } as unknown as Msg));
    const end = performance.now() + 200;
    while (performance.now() < end);
  }, 1);
  assert.equal(await outcome, 'reply');
});

test('what is never replied to ends, at the latest with the connection', async () => {
  assert.equal(await start(20).outcome, 'echo did not answer in time.');
  const { sent, lose, outcome } = start(60_000);
  await sent;
  lose();
  assert.equal(await outcome, 'The connection to the broker was lost before echo answered.');
});

test('a query that is slow while no replica is known is sent once more, to any', async () => {
  const { subjects, lose, outcome } = start(60_000, { mayHedge: true });
  await until(() => subjects.length > 1, 'it to be sent again');
  assert.deepEqual(subjects, ['echo.batch', 'echo.batch']);
  lose();
  assert.equal(await outcome, 'The connection to the broker was lost before echo answered.');
});
