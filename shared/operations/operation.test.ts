import assert from 'node:assert/strict';
import { test } from 'vitest';
import { z } from 'zod';
import { limit, userId } from './fields.ts';
import { operation } from './operation.ts';

const fitting = {
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

test('an operation gets what most of them have', () => {
  const { kind, success, http } = operation(fitting);
  assert.deepEqual({ kind, success, http }, { kind: 'query', success: 200, http: true });
  assert.equal(operation({ ...fitting, method: 'POST' }).kind, 'command');
});

test('an operation that could never be answered is refused where it is declared', () => {
  const other = z.object({ id: z.string() });
  const mistakes: [RegExp, () => unknown][] = [
    [/test\.look: its path \/things\/:uid has :uid/, () => operation({ ...fitting, path: '/things/:uid' })],
    [/its path \/old\/:uid has :uid/, () => operation({ ...fitting, aliases: ['/old/:uid'] })],
    [/header if-match fills rev/, () => operation({ ...fitting, headers: { 'if-match': 'rev' } })],
    [/header If-Match .* lower case/, () => operation({ ...fitting, headers: { 'If-Match': 'etag' } })],
    [
      /access is 'self', but its input has no userId/,
      () => operation({ ...fitting, headers: {}, path: '/things/:id', input: other, example: { id: '1' } }),
    ],
    [
      /limit is one of its own/,
      () => operation({ ...fitting, input: fitting.input.extend({ limit: z.int().default(10) }) }),
    ],
  ];
  for (const [message, declare] of mistakes) assert.throws(declare, message);
});
