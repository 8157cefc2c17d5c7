import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Batcher } from '../broker/batcher.ts';
import { createLogger } from '../process/log.ts';
import { replyBatch } from './responder.ts';
import { decodeReplies, type ReplyEntry } from './wire-format.ts';

function startBatch(): { batch: Batcher<ReplyEntry>; sent: string[] } {
  const sent: string[] = [];
  return { batch: batchTo((text) => sent.push(text) > 0), sent };
}

function batchTo(respond: (text: string) => boolean): Batcher<ReplyEntry> {
  return replyBatch({ respond }, 'r1', createLogger('test', 'silent'));
}

const reply = (id: number, length: number) => ({
  ...{ id, status: 200, body: 'x'.repeat(length) },
  position: undefined,
});

test('small replies of one turn are sent together', async () => {
  const { batch, sent } = startBatch();
  for (let id = 0; id < 100; id++) batch.add(reply(id, 100));
  assert.equal(sent.length, 0);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(sent.length, 1);
  assert.equal(decodeReplies(sent[0] ?? '').entries.length, 100);
});

test('a message is sent as soon as large replies fill it', () => {
  const { batch, sent } = startBatch();
  for (let id = 0; id < 30; id++) {
    batch.add(reply(id, 300_000));
    assert.equal(sent.length, Math.floor(id / 3), 'three of them fill a message');
  }
  batch.flush();
  const ids = sent.flatMap((text) => decodeReplies(text).entries.map(({ id }) => id));
  assert.deepEqual(ids, [...Array(30).keys()]);
  assert.ok(sent.every((text) => text.length < 1_000_000));
});

test('positions and locations count towards the size of a message', () => {
  const { batch, sent } = startBatch();
  const long = { position: 'p'.repeat(7000), location: 'l'.repeat(3000) };
  for (let id = 0; id < 300; id++) batch.add({ ...reply(id, 100), ...long });
  batch.flush();
  assert.ok(sent.every((text) => text.length < 1_000_000));
  assert.equal(sent.flatMap((text) => decodeReplies(text).entries).length, 300);
});

test('a reply to a closed connection neither ends the process nor delays other replies', async () => {
  const { batch, sent } = startBatch();
  const closed = batchTo(() => {
    throw new Error('closed connection');
  });
  closed.add(reply(1, 10));
  batch.add(reply(2, 10));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(sent.length, 1);
});
