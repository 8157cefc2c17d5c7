import assert from 'node:assert/strict';
import type { Msg } from '@nats-io/nats-core';
import { test } from 'vitest';
import type { Connection } from '../broker/connection.ts';
import { ReplyInbox } from './reply-inbox.ts';

type Receive = (error: Error | null, message: Msg) => void;

/** An inbox, what the broker delivers into it, and what becomes of the connection. */
function start() {
  const { promise: received, resolve } = Promise.withResolvers<Receive>();
  let changed: (() => void) | undefined;
  const nc = { subscribe: (_: string, { callback }: { callback: Receive }) => resolve(callback) };
  const connection = { link: { nc }, name: 'test', onChange: (listener: () => void) => (changed = listener) };
  const inbox = new ReplyInbox(connection as unknown as Connection);
  const outcome = Promise.withResolvers<string>();
  const ended = (failure: string | null): boolean => {
    outcome.resolve(failure ?? 'reply');
    return false;
  };
  return { inbox, received, lose: () => changed?.(), ended, outcome: outcome.promise };
}

test('a reply that lay unread while this process was busy is not late', async () => {
  const { inbox, received, ended, outcome } = start();
  const receive = await received;
  // Behind a timer, as what is read from the network comes between those and immediates.
  setTimeout(() => {
    const subject = inbox.expect(60, ended);
    setImmediate(() => receive(null, { subject, data: new Uint8Array([1]) } as Msg));
    const end = performance.now() + 200;
    while (performance.now() < end);
  }, 1);
  assert.equal(await outcome, 'reply');
});

test('what is never replied to ends', async () => {
  const { inbox, ended, outcome } = start();
  inbox.expect(1, ended);
  assert.equal(await outcome, 'timeout');
});

test('what is waited for ends with the connection', async () => {
  const { inbox, lose, ended, outcome } = start();
  inbox.expect(60_000, ended);
  lose();
  assert.equal(await outcome, 'disconnected');
});
