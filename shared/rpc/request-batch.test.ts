import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'vitest';
import { encodeBatch, type PendingRequest, RequestBatcher } from './request-batch.ts';

const request = (input: unknown, timeoutMs = 5000): PendingRequest => ({
  entry: { subject: 'echo.get', input, timeoutMs, token: null, user: null, traceparent: null },
  deadline: performance.now() + timeoutMs,
  mayHedge: false,
  inFlight: 0,
  resolve: () => {},
  reject: () => {},
});
const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));

/** How many of these requests of one turn go in each message. */
async function sizes(...requests: PendingRequest[]): Promise<number[]> {
  const sent: number[] = [];
  const batcher = new RequestBatcher(({ length }) => sent.push(length));
  for (const one of requests) batcher.add(one);
  await turn();
  return sent;
}

test('small requests go together, large ones apart, whatever makes them large', async () => {
  const small = request({ n: 1 });
  const text = 'x'.repeat(150_000);
  assert.deepEqual(await sizes(small, small, small), [3]);
  assert.deepEqual(await sizes(request({ text }), small, request({ text })), [2, 1]);
  const list = { list: [text, text] };
  assert.deepEqual(await sizes(request(list), request(list)), [1, 1]);
  const deep = { deep: { text: text + text } };
  assert.deepEqual(await sizes(request(deep), request(deep)), [1, 1]);
});

test('requests that wait for about as long go together', async () => {
  const [patient, hasty] = [request({ n: 1 }, 4900), request({ n: 1 }, 800)];
  assert.deepEqual(await sizes(patient, hasty, request({ n: 1 }, 4890), hasty, patient), [3, 2]);
});

test('what is nested too deeply goes alone, and is refused', async () => {
  const deep = request({ x: nested(200_000) });
  assert.deepEqual(await sizes(request({ n: 1 }), deep, request({ n: 1 })), [1, 1, 1]);
  assert.throws(() => encodeBatch([deep.entry]), { code: 'invalid', message: 'The request is nested too deeply.' });
});

test('what does not fit in a message is refused', () => {
  // Each of these signs takes six bytes, and no guess thinks of it.
  const text = '\u0001'.repeat(190_000);
  assert.throws(() => encodeBatch([request({ text }).entry]), { code: 'too_large' });
});
