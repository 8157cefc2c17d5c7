import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, test, vi } from 'vitest';
import { batchedByPatience, encodedRequest, type PendingRequest } from './service-client.ts';

// However long this machine takes between two requests.
beforeAll(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterAll(() => void vi.useRealTimers());

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

/** How many of these requests of one turn go in each message. */
async function sizes(...requests: PendingRequest[]): Promise<number[]> {
  const sent: number[] = [];
  const batched = batchedByPatience(async ({ length }) => void sent.push(length));
  for (const one of requests) batched(one);
  while (sent.reduce((sum, size) => sum + size, 0) < requests.length) await turn();
  return sent;
}

test('small requests go together, large ones apart, whatever makes them large', async () => {
  const small = request({ n: 1 });
  const text = 'x'.repeat(150_000);
  assert.deepEqual(await sizes(small, small, small), [3]);
  assert.deepEqual(await sizes(request({ text }), small, request({ text }), request({ text })), [3, 1]);
  const list = { list: [text, text] };
  assert.deepEqual(await sizes(request(list), request(list)), [1, 1]);
  const deep = { deep: { text: '\u0001'.repeat(50_000) } };
  assert.deepEqual(await sizes(request(deep), request(deep)), [1, 1]);
});

test('requests that wait for about as long go together', async () => {
  const [patient, hasty] = [request({ n: 1 }, 4900), request({ n: 1 }, 800)];
  assert.deepEqual(await sizes(patient, hasty, request({ n: 1 }, 4890), hasty, patient), [3, 2]);
});

test('what is nested too deeply, or does not fit in a message, is refused', () => {
  const deep: unknown = JSON.parse('['.repeat(200_000) + ']'.repeat(200_000));
  assert.throws(() => encoded({ deep }), { code: 'invalid', message: 'The request is nested too deeply.' });
  // Each of these signs takes six bytes.
  assert.throws(() => encoded({ text: '\u0001'.repeat(190_000) }), { code: 'too_large' });
  assert.throws(() => encoded({ text: '映'.repeat(350_000) }), { code: 'too_large' });
});
