import assert from 'node:assert/strict';
import { test } from 'vitest';
import { z } from 'zod';
import { limit, userId } from './fields.ts';
import { operation } from './operation.ts';

const valid = {
  subject: 'test.look',
  method: 'GET',
  path: '/things/:userId',
  access: 'self',
  summary: 'Looks',
  input: z.object({ userId, limit, etag: z.string().optional() }),
  output: z.object({}),
  headers: { 'if-match': 'etag' },
  example: { userId: 'ann' },
} as const;

test('an operation gets the usual defaults', () => {
  const { kind, success, http } = operation(valid);
  assert.deepEqual({ kind, success, http }, { kind: 'query', success: 200, http: true });
  assert.equal(operation({ ...valid, method: 'POST' }).kind, 'command');
});

test('a declaration that could never work is refused', () => {
  const other = z.object({ id: z.string() });
  const mistakes: [RegExp, () => unknown][] = [
    [/test\.look: its path \/things\/:uid has :uid/, () => operation({ ...valid, path: '/things/:uid' })],
    [/its path \/old\/:uid has :uid/, () => operation({ ...valid, aliases: ['/old/:uid'] })],
    [/header if-match fills rev/, () => operation({ ...valid, headers: { 'if-match': 'rev' } })],
    [/header If-Match .* lower case/, () => operation({ ...valid, headers: { 'If-Match': 'etag' } })],
    [
      /access is 'self', but its input has no userId/,
      () => operation({ ...valid, headers: {}, path: '/things/:id', input: other, example: { id: '1' } }),
    ],
    [
      /declares its own limit/,
      () => operation({ ...valid, input: valid.input.extend({ limit: z.int().default(10) }) }),
    ],
  ];
  for (const [message, declare] of mistakes) assert.throws(declare, message);
});
