import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { StoredMessage } from './event-codec.ts';
import { MessageBatch } from './message-batch.ts';

const message = (bytes: number): StoredMessage => ({
  stream: 'VOTES',
  sequence: 1,
  storedAt: 0,
  subject: 'votes.hub.1',
  headers: {},
  data: new Uint8Array(bytes),
});

test('few large messages become a transaction, or many small ones', () => {
  for (const [bytes, least, most] of [
    [11_000, 10, 200],
    [40, 2000, 10_000],
  ] as const) {
    const sizes: number[] = [];
    const batch = new MessageBatch((messages) => void sizes.push(messages.length), new AbortController());
    while (sizes.length < 2) batch.add(message(bytes), 1);
    const [first = 0, second] = sizes;
    assert.ok(first >= least && first <= most, `${first} messages of ${bytes} bytes`);
    assert.equal(second, first);
    batch.close();
  }
});
