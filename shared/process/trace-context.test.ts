import assert from 'node:assert/strict';
import { test } from 'vitest';
import { acceptRequestId, acceptTraceparent, isSampled, newTraceparent, Origin, traceIdOf } from './trace-context.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const sampled = `00-${traceId}-b7ad6b7169203331-01`;

test('accepts a valid traceparent, and the known fields of a later version', () => {
  assert.equal(acceptTraceparent(sampled), sampled);
  assert.equal(acceptTraceparent(`cc${sampled.slice(2)}-what-comes-then`), sampled);
  assert.equal(traceIdOf(sampled), traceId);
  assert.equal(isSampled(sampled), true);
  assert.equal(isSampled(`${sampled.slice(0, -2)}00`), false);
});

test('rejects an invalid traceparent', () => {
  const wrong = [
    '',
    'x',
    sampled.toUpperCase(),
    `ff${sampled.slice(2)}`,
    `${sampled}-more`,
    `${sampled}\n`,
    sampled.replace(traceId, '0'.repeat(32)),
    sampled.replace('b7ad6b7169203331', '0'.repeat(16)),
  ];
  for (const text of wrong) assert.equal(acceptTraceparent(text), undefined, JSON.stringify(text));
});

test('creates valid, distinct traceparents that are marked as not recorded', () => {
  const made = Array.from({ length: 1000 }, newTraceparent);
  assert.ok(made.every((one) => acceptTraceparent(one) === one && !isSampled(one)));
  assert.equal(new Set(made.map(traceIdOf)).size, 1000);
});

test('accepts only request ids of visible ASCII and bounded length', () => {
  assert.equal(acceptRequestId('a-1_~'), 'a-1_~');
  for (const text of ['', 'a b', 'ä', 'a\r\nb', 'x'.repeat(129)]) assert.equal(acceptRequestId(text), undefined);
});

test('keeps the ids that the client sent, and creates those that are missing or invalid', () => {
  const given = new Origin({ traceparent: sampled, requestId: 'r-1' });
  assert.deepEqual([given.traceparent, given.requestId, given.givenRequestId], [sampled, 'r-1', 'r-1']);
  const made = new Origin({ traceparent: 'nonsense', requestId: 'a b' });
  assert.equal(isSampled(made.traceparent), false);
  assert.equal(made.requestId, traceIdOf(made.traceparent));
  assert.equal(made.givenRequestId, undefined);
});
