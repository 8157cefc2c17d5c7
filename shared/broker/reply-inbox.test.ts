import assert from 'node:assert/strict';
import type { Msg, NatsConnection } from '@nats-io/nats-core';
import { test } from 'vitest';
import { ReplyInbox } from './reply-inbox.ts';

test('a reply that lay unread while this process was busy is not late', async () => {
  let receive: ((error: Error | null, message: Msg) => void) | undefined;
  const nc = { subscribe: (_: string, { callback }: { callback: typeof receive }) => (receive = callback) };
  using inbox = new ReplyInbox(nc as unknown as NatsConnection);
  const outcome = Promise.withResolvers<string>();
  // Behind a timer, as what is read from the network comes between those and immediates.
  setTimeout(() => {
    const subject = inbox.expect(60, (failure) => {
      outcome.resolve(failure ?? 'reply');
      return undefined;
    });
    setImmediate(() => receive?.(null, { subject, data: new Uint8Array([1]) } as Msg));
    const end = performance.now() + 200;
    while (performance.now() < end);
  }, 1);
  assert.equal(await outcome.promise, 'reply');
});

test('what is never replied to ends', async () => {
  using inbox = new ReplyInbox({ subscribe: () => {} } as unknown as NatsConnection);
  const outcome = Promise.withResolvers<unknown>();
  inbox.expect(1, (failure) => {
    outcome.resolve(failure);
    return undefined;
  });
  assert.equal(await outcome.promise, 'timeout');
});
