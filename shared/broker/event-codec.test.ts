import assert from 'node:assert/strict';
import { test } from 'vitest';
import { z } from 'zod';
import { event, tokenOf } from '../operations/event.ts';
import { EventReader, encodeEvent, ForgedEvent, type StoredMessage, UnreadableEvent } from './event-codec.ts';

const painted = event({
  type: 'marquee.fence.painted.v1',
  stream: 'FENCES',
  subject: 'fences.{site}.{fenceId}',
  summary: 'A fence has a colour',
  payload: z.object({ colour: z.string().min(1), coats: z.int().default(1) }),
  example: { colour: 'green' },
});
const repainted = event({
  ...painted,
  type: 'marquee.fence.painted.v2',
  payload: z.object({ colours: z.array(z.string()) }),
  example: { colours: ['green'] },
});
const reader = new EventReader([painted, repainted]);

function message(data: string | Uint8Array, given: Partial<StoredMessage> & { head?: Record<string, string> } = {}) {
  const { head = {}, ...rest } = given;
  return {
    stream: 'FENCES',
    subject: 'fences.hub.f1',
    sequence: 7,
    storedAt: Date.parse('2026-05-01T10:00:00Z'),
    headers: head,
    data: typeof data === 'string' ? new TextEncoder().encode(data) : data,
    ...rest,
  };
}

const unreadable = (reason: RegExp) => (error: unknown) => {
  assert.ok(error instanceof UnreadableEvent);
  assert.match(error.message, reason);
  return true;
};

test('takes missing headers of an event published by hand from the message', () => {
  assert.deepEqual(reader.read(message('{"colour":"green"}')), {
    type: 'marquee.fence.painted.v1',
    data: { colour: 'green', coats: 1 },
    subject: 'fences.hub.f1',
    tokens: { site: 'hub', fenceId: 'f1' },
    site: 'hub',
    time: Date.parse('2026-05-01T10:00:00Z'),
    sequence: 7,
    home: 'hub',
  });
});

test('refuses a copy of a message that the broker was made to send to an event subject', () => {
  const head = { 'Nats-Stream': 'OTHERS', 'Nats-Subject': 'others.x', 'Nats-Sequence': '1' };
  assert.throws(
    () => reader.read(message('{"colour":"green"}', { head })),
    unreadable(/a copy of a message of OTHERS/),
  );
});

test('decodes an event as it was encoded', () => {
  const sent = encodeEvent(painted, { fenceId: 'f2' }, { colour: 'red' }, { site: 'cinema-3', source: 'painters' });
  assert.equal(sent.subject, 'fences.cinema-3.f2');
  assert.equal(sent.headers['Nats-Msg-Id'], sent.headers['ce-id']);
  const read = reader.read(message(sent.data, { subject: sent.subject, head: sent.headers, storedAt: Date.now() + 5 }));
  assert.equal(read.time, Date.parse(sent.headers['ce-time'] as string));
  assert.deepEqual(read.data, { colour: 'red', coats: 1 });
});

test('a token can encode any text, and any other encoding is refused', () => {
  for (const fenceId of [
    'f-2_X',
    'auth0|abc 123',
    'ann@example.org',
    'José',
    'a.b.>*',
    "!'()~%=41",
    ' ',
    '🎬'.repeat(255),
  ]) {
    const { subject, headers } = encodeEvent(painted, { fenceId }, { colour: 'red' }, { site: 'hub', source: 'test' });
    assert.match(subject, /^fences\.hub\.[\w=-]{1,3060}$/);
    assert.equal(reader.read(message('{"colour":"green"}', { subject, head: headers })).tokens.fenceId, fenceId);
  }
  assert.equal(tokenOf('ann@example.org'), 'ann=40example=2Eorg');
  for (const token of ['a|b', 'José', 'a%41', '=41', '=4', '=7c', '=FF', '=ED=A0=80', '=']) {
    const subject = `fences.hub.${token}`;
    assert.throws(() => reader.read(message('{"colour":"green"}', { subject })), unreadable(/fenceId .* =XX/), token);
  }
});

test('sets Nats-Msg-Id only when no expectation covers the subject of the message', () => {
  const idWhen = (subject?: string) => {
    const expect = { lastSubjectSequence: 0, ...(subject ? { subject } : {}) };
    const sent = encodeEvent(
      painted,
      { fenceId: 'f2' },
      { colour: 'red' },
      { site: 'hub', source: 'painters' },
      { expect },
    );
    return sent.headers['Nats-Msg-Id'];
  };
  for (const own of [undefined, 'fences.hub.f2', 'fences.*.f2']) assert.equal(idWhen(own), undefined, own);
  for (const other of ['fences.hub.f3', 'fences.hub', 'fences.hub.f2.>', 'gates.>', 'fences.*.*.x']) {
    assert.ok(idWhen(other), other);
  }
});

test('selects the event type by ce-type when several types have the same subject', () => {
  const read = reader.read(message('{"colours":["red"]}', { head: { 'ce-type': 'marquee.fence.painted.v2' } }));
  assert.deepEqual(read.data, { colours: ['red'] });
});

test('orders an event after what its producer had seen of other sites, but not more than a day ahead', () => {
  const seen = (after: string) => {
    const head = { 'ce-time': '2026-05-01T09:00:00Z', 'marquee-after': after };
    return reader.read(message('{"colour":"red"}', { head })).time;
  };
  const time = Date.parse('2026-05-01T09:00:00Z');
  assert.equal(seen(`${time - 1}`), time);
  for (const later of [time, time + 7_200_000]) assert.equal(seen(`${later}`), later + 1);
  assert.equal(seen(`${time + 9e9}`), Date.parse('2026-05-02T10:00:00Z') + 1);
  for (const none of ['soon', '-5', '1e15', '']) assert.equal(seen(none), time);
});

test('the copy of an edge may hold only events of that edge, the copy of the hub also those of other sites', () => {
  const from = (home: string, onlyFrom?: string) =>
    new EventReader([painted], { stream: `FENCES_${home}`, home, onlyFrom });
  assert.equal(from('hub').read(message('{"colour":"red"}', { subject: 'fences.north.f1' })).home, 'hub');
  assert.equal(from('edge1', 'edge1').read(message('{"colour":"red"}', { subject: 'fences.edge1.f1' })).site, 'edge1');
  assert.throws(() => from('edge1', 'edge1').read(message('{"colour":"red"}')), ForgedEvent);
});

test('names the fields that do not fit, also within a union', () => {
  const payload = z.object({
    by: z.union([z.string(), z.int()]),
    fence: z.union([z.object({ post: z.int() }), z.null()]),
  });
  const ofShapes = new EventReader([{ ...painted, payload }]);
  assert.throws(() => ofShapes.read(message('{"fence":{}}')), unreadable(/: by: [^;]+; fence\.post: .+, or fence: /));
});

test('limits ce-time to the storage time, which also replaces an invalid time', () => {
  const at = (time: string) => reader.read(message('{"colour":"red"}', { head: { 'ce-time': time } })).time;
  assert.equal(at('2031-01-01T00:00:00Z'), Date.parse('2026-05-01T10:00:00Z'));
  assert.equal(at('2026-05-01T09:59:00Z'), Date.parse('2026-05-01T09:59:00Z'));
  assert.equal(at('2026-05-01T11:59:00.5+02:00'), Date.parse('2026-05-01T09:59:00.5Z'));
  for (const noTime of [
    'yesterday',
    '2026-05-01T09:59:00',
    '2026-05-01',
    '2026-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-04-31T10:00:00+01:00',
    '2026-04-30T24:00:00Z',
  ]) {
    assert.equal(at(noTime), Date.parse('2026-05-01T10:00:00Z'), noTime);
  }
});

test('leaves out unknown fields', () => {
  assert.deepEqual(reader.read(message('{"colour":"red","smell":"strong"}')).data, { colour: 'red', coats: 1 });
});

test('says why a message is not an event', () => {
  const read =
    (data: string | Uint8Array, given = {}) =>
    () =>
      reader.read(message(data, given));
  assert.throws(read('{"colour":""}'), unreadable(/colour: /));
  assert.throws(read('{"colour":3,"coats":"x"}'), unreadable(/colour: .*; coats: /));
  assert.throws(read('[]'), unreadable(/payload: /));
  assert.throws(read('{"colour":'), unreadable(/not JSON/));
  assert.throws(read(''), unreadable(/not JSON/));
  assert.throws(read(Uint8Array.of(0x22, 0xff, 0x22)), unreadable(/not JSON in UTF-8/));
  assert.throws(read('{}', { subject: 'fences.hub' }), unreadable(/no event has the subject fences\.hub$/));
  assert.throws(read('{}', { subject: 'walls.hub.f1' }), unreadable(/no event has the subject/));
  assert.throws(
    read('{"colour":"red"}', { head: { 'ce-type': 'marquee.fence.painted.v9' } }),
    unreadable(/unknown event type marquee\.fence\.painted\.v9/),
  );
});
