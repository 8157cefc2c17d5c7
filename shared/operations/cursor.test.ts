import assert from 'node:assert/strict';
import { test } from 'vitest';
import { z } from 'zod';
import { type CursorKey, decodeCursor, encodeCursor, paginate } from './cursor.ts';
import { AppError } from './errors.ts';

const film = z.tuple([z.string().nullable(), z.number()]);
const isCursorError = (error: unknown): boolean => error instanceof AppError && error.fields?.[0]?.field === 'cursor';

test('decodes the key that was encoded', () => {
  for (const key of [
    ['amélie', 1],
    [null, -2.5],
    ['"\\,\u0000', 0],
    ['😀', 2 ** 31],
  ] satisfies CursorKey[]) {
    assert.deepEqual(decodeCursor('films', encodeCursor('films', key), film), key);
    assert.match(encodeCursor('films', key), /^[A-Za-z0-9_-]+$/);
  }
});

test('refuses a cursor of another list and a malformed one', () => {
  const json = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const cursors = [
    encodeCursor('people', ['a', 1]),
    encodeCursor('films', ['a']),
    encodeCursor('films', ['a', 1, 2]),
    encodeCursor('films', [1, 1]),
    encodeCursor('films', ['a', null]),
    json(['films', 'a', {}]),
    json(['films', 'a', [1]]),
    json(['films', 'a', true]),
    json({ 0: 'films', length: 3 }),
    json(null),
    'not a cursor',
    '',
    encodeCursor('films', ['a', 1]).slice(0, -3),
  ];
  for (const cursor of cursors) assert.throws(() => decodeCursor('films', cursor, film), isCursorError, cursor);
});

test('a page has a next cursor only if there is a row beyond the limit', () => {
  const page = (count: number) =>
    paginate(
      Array.from({ length: count }, (_, i) => i),
      3,
      'n',
      (n) => [n],
    );
  assert.deepEqual(page(0), { items: [], next: null });
  assert.deepEqual(page(3), { items: [0, 1, 2], next: null });
  assert.deepEqual(page(4), { items: [0, 1, 2], next: encodeCursor('n', [2]) });
});
