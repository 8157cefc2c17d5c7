/** Which input is refused, and with which messages. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { z } from 'zod';
import { limit, movieId, timestamp, userId } from './fields.ts';
import { inputFields, parseInput } from './input.ts';
import { operation } from './operation.ts';

const sample = operation({
  kind: 'query',
  subject: 'sample.get',
  method: 'GET',
  path: '/sample',
  access: 'public',
  summary: 'A sample',
  example: { movieId: 1, userId: 'ann', at: '2026-01-31T20:00:00Z', tags: [], seen: true },
  input: z.object({
    movieId,
    userId,
    at: timestamp,
    limit,
    tags: z.array(z.string().min(1)).max(2),
    seen: z.boolean(),
    link: z.url().nullable().default(null),
  }),
  output: z.object({}),
  errors: [],
});

function refusal(input: Record<string, unknown>): string {
  try {
    parseInput(sample, input);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

test('reports missing fields as missing', () => {
  const missing = ['movieId', 'userId', 'at', 'tags', 'seen'].map((field) => `${field} is missing`);
  assert.equal(refusal({}), missing.join('; '));
});

test('says what an invalid field must be', () => {
  const given = { movieId: 1.5, userId: {}, at: 'today', limit: '5', tags: ['a', ''], seen: 1, link: 'here' };
  assert.equal(
    refusal(given),
    'movieId must be a whole number; userId matches none of the accepted forms; at must be a UTC time such as ' +
      '2026-01-31T20:00:00Z; limit must be a whole number; tags.1 must not be empty; seen must be true or false; ' +
      'link must be a URL such as https://example.org',
  );
});

test('distinguishes exclusive from inclusive bounds', () => {
  const input = z.object({ year: z.int().positive(), share: z.number().lt(1), page: z.int().min(1).max(9) });
  const list = operation({
    ...sample,
    subject: 'sample.list',
    input,
    example: { year: 1, share: 0, page: 1 },
  }) as never;
  const fields = Object.entries({ year: 'more than 0', share: 'less than 1', page: 'at most 9' });
  assert.throws(() => parseInput(list, { year: 0, share: 1, page: 10 }), {
    code: 'invalid',
    fields: fields.map(([field, bound]) => ({ field, message: `must be ${bound}` })),
  });
});

test('refuses a lone surrogate in any field, and accepts a pair', () => {
  const input = z.object({ title: z.string(), genres: z.array(z.string()) });
  const add = operation({ ...sample, subject: 'sample.add', input, example: { title: '', genres: [] } }) as never;
  assert.deepEqual(parseInput(add, { title: '\u{1F3AC}', genres: [] }), { title: '\u{1F3AC}', genres: [] });
  const message = 'has a lone surrogate (half of a UTF-16 pair)';
  const fields = ['title', 'genres.1'].map((field) => ({ field, message }));
  assert.throws(() => parseInput(add, { title: '\ud800', genres: ['a', 'b\udc00'] }), { code: 'invalid', fields });
});

test('refuses too many fields before looking at any', () => {
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`f${n}`, n]));
  let translated = false;
  const legacy = (input: Record<string, unknown>) => {
    translated = true;
    return input;
  };
  assert.throws(() => inputFields({ ...sample, legacy } as never, many), { code: 'too_large' });
  assert.equal(translated, false);
});
