import assert from 'node:assert/strict';
import { afterAll, beforeAll, test, vi } from 'vitest';
import { byPatience, encodedRequest, type PendingRequest } from './service-client.ts';

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

test('requests that wait for about as long go together', () => {
  const [patient, hasty] = [request({ n: 1 }, 4900), request({ n: 1 }, 800)];
  const batches = byPatience([patient, hasty, request({ n: 1 }, 4890), hasty, patient]);
  assert.deepEqual(
    batches.map(({ length }) => length),
    [3, 2],
  );
});

test('what is nested too deeply, or does not fit in a message, is refused', () => {
  const deep: unknown = JSON.parse('['.repeat(200_000) + ']'.repeat(200_000));
  assert.throws(() => encoded({ deep }), { code: 'invalid', message: 'The request is nested too deeply.' });
  // Each of these signs takes six bytes.
  assert.throws(() => encoded({ text: '\u0001'.repeat(190_000) }), { code: 'too_large' });
  assert.throws(() => encoded({ text: '映'.repeat(350_000) }), { code: 'too_large' });
});
