import assert from 'node:assert/strict';
import { test } from 'vitest';
import { decodeReplies, decodeRequests, encodeReplies, encodeRequests, type ReplyEntry } from './wire-format.ts';

test('requests survive the way', () => {
  const frames = [
    {
      id: 0,
      subject: 'movies.get',
      input: { movieId: 1 },
      timeoutMs: 500,
      token: null,
      user: 'alice',
      traceparent: null,
    },
    {
      id: 1,
      subject: 'movies.search',
      input: { q: 'a\n"é😀' },
      timeoutMs: 5,
      token: 't',
      user: null,
      traceparent: '00-1',
    },
  ];
  assert.deepEqual(decodeRequests(encodeRequests(frames)), frames);
});

test('bodies of replies pass through as they are, whatever they hold', () => {
  const bodies = ['{}', '', '{"title":"Amélie\\n"}', '"😀"', '{"a":\n[1]}', '0'];
  const frames = bodies.map(
    (body, id): ReplyEntry => ({ id, status: 200 + id, body, revision: id || null, location: null }),
  );
  assert.deepEqual(decodeReplies(encodeReplies(frames, 'r1')), { frames, replica: 'r1' });
  // And also over the wire, in UTF-8.
  const sent = new TextDecoder().decode(new TextEncoder().encode(encodeReplies(frames, 'r1')));
  assert.deepEqual(decodeReplies(sent), { frames, replica: 'r1' });
});

test('a replica of the version before, which does not name itself, is understood', () => {
  const frames = [{ id: 3, status: 200, body: '{}', revision: null, location: null }];
  assert.deepEqual(decodeReplies('[[3,200,2,null,null]]\n{}'), { frames, replica: undefined });
});

test('what is no pack of requests throws', () => {
  for (const text of ['', 'garbage', '{}', '[1]', 'null']) assert.throws(() => decodeRequests(text), text);
});
