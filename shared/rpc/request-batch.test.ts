import assert from 'node:assert/strict';
import { test } from 'vitest';
import { batchesOf, encodeBatch } from './request-batch.ts';

const request = (input: unknown, timeoutMs = 5000) => ({
  frame: { id: 0, subject: 'echo.get', input, timeoutMs, token: null, user: null, traceparent: null },
});
const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
const sizes = (...requests: ReturnType<typeof request>[]): number[] => batchesOf(requests).map(({ length }) => length);

test('small requests go together, large ones apart, whatever makes them large', () => {
  const small = request({ n: 1 });
  const text = 'x'.repeat(150_000);
  assert.deepEqual(sizes(small, small, small), [3]);
  assert.deepEqual(sizes(request({ text }), small, request({ text })), [2, 1]);
  assert.deepEqual(sizes(request({ list: [text, text] }), request({ list: [text, text] })), [1, 1]);
  assert.deepEqual(sizes(request({ deep: { text: text + text } }), request({ deep: { text: text + text } })), [1, 1]);
});

test('requests that wait for about as long go together', () => {
  const [patient, hasty] = [request({ n: 1 }, 4900), request({ n: 1 }, 800)];
  assert.deepEqual(sizes(patient, hasty, request({ n: 1 }, 4890), hasty, patient), [3, 2]);
});

test('what is nested too deeply goes alone, and is refused', () => {
  const deep = request({ x: nested(200_000) });
  assert.deepEqual(sizes(request({ n: 1 }), deep, request({ n: 1 })), [2, 1]);
  assert.throws(() => encodeBatch([deep.frame]), { code: 'invalid', message: 'The request is nested too deeply.' });
});

test('what does not fit in a message is refused', () => {
  // Each of these signs takes six bytes, and no guess thinks of it.
  const text = '\u0001'.repeat(190_000);
  assert.throws(() => encodeBatch([request({ text }).frame]), { code: 'too_large' });
});
