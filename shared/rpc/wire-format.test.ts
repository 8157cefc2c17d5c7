import assert from 'node:assert/strict';
import { test } from 'vitest';
import { decodeReplies, decodeRequests, encodeReplies, encodeRequests, type ReplyEntry } from './wire-format.ts';

test('requests are decoded as they were encoded', () => {
  const entries = [
    {
      subject: 'movies.get',
      input: { movieId: 1 },
      user: 'alice',
    },
    {
      requestId: 'a',
      subject: 'movies.search',
      input: { q: 'a\n"é😀' },
      token: 't',
      traceparent: '00-1',
    },
    { subject: 'movies.get', input: {}, position: 'VOTES:1:abcdefgh' },
    { subject: 'movies.get', input: {}, from: '192.0.2.1' },
  ];
  assert.deepEqual(
    decodeRequests(
      encodeRequests(
        500,
        entries.map((entry) => JSON.stringify(entry)),
      ),
    ),
    entries.map((entry, id) => ({ token: undefined, user: undefined, ...entry, id, timeoutMs: 500 })),
  );
});

test('a request without caller fields, or with null in them, is anonymous', () => {
  for (const fields of ['', ',"token":null,"user":null,"traceparent":null']) {
    const [request] = decodeRequests(`[5,{"subject":"movies.get","input":{}${fields}}]`);
    assert.partialDeepStrictEqual(request, { token: undefined, user: undefined });
  }
});

test('reply bodies pass through unchanged, whatever they contain', () => {
  const bodies = ['{}', '', '{"title":"Amélie\\n"}', '"😀"', '{"a":\n[1]}', '0'];
  const entries = bodies.map(
    (body, id): ReplyEntry => ({
      ...{ id, status: 200 + id, body, revision: id || undefined, location: undefined },
      position: id % 2 === 0 ? undefined : `VOTES:${id}:abcdefgh`,
    }),
  );
  assert.deepEqual(decodeReplies(encodeReplies(entries, 'r1')), { entries, replica: 'r1' });
  // Also when sent as UTF-8.
  const sent = new TextDecoder().decode(new TextEncoder().encode(encodeReplies(entries, 'r1')));
  assert.deepEqual(decodeReplies(sent), { entries, replica: 'r1' });
});

test('decoding throws when a message is not a batch', () => {
  for (const text of ['', 'garbage', '{}', '[]', '["a"]', '[1,null]', 'null'])
    assert.throws(() => decodeRequests(text), text);
  for (const field of ['token', 'user', 'traceparent', 'requestId', 'position']) {
    const text = JSON.stringify([1, { subject: 'movies.get', input: {}, [field]: ['a'] }]);
    assert.throws(() => decodeRequests(text), text);
  }
  for (const text of ['', 'garbage', '{}\n', '[]\n', '[{"id":3,"status":200,"length":2}]\n{}']) {
    assert.throws(() => decodeReplies(text), text);
  }
});
