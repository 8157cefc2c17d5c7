import assert from 'node:assert/strict';
import type { NatsConnection } from '@nats-io/nats-core';
import { test } from 'vitest';
import { startSystem } from '../tests/harness.ts';
import { type TwinWatch, twinSubject, watchForTwin } from './twins.ts';

/** Encodes the presence message of a twin. */
const presence = (id: string, runsMs: number, isAnswer: boolean) =>
  JSON.stringify({ id, host: 'elsewhere', runsMs, isAnswer });

async function ended(watch: TwinWatch): Promise<string> {
  return watch.found.catch((error: Error) => error.message);
}

test('answers a younger twin once, and ends when it meets an older one', async () => {
  await using system = await startSystem({ streams: false });
  const { nc } = (await system.connection.first) as { nc: NatsConnection };
  const subject = twinSubject('edge1');
  const messages = nc.subscribe(subject);
  using watch = watchForTwin(nc, 'edge1');
  for (const other of ['no JSON', '{}']) nc.publish(subject, other);
  nc.publish(subject, presence('younger', -10_000, false));
  nc.publish(subject, presence('younger', -10_000, true));
  const sent: { id: string; isAnswer: boolean }[] = [];
  for await (const message of messages) {
    if (message.string().includes('younger') || !message.string().includes('host')) continue;
    sent.push(message.json());
    if (sent.length === 2) break;
  }
  assert.deepEqual(
    sent.map(({ isAnswer }) => isAnswer),
    [false, true],
  );
  nc.publish(subject, presence('older', 60_000, true));
  assert.match(await ended(watch), /edge1 is already running on elsewhere/);
});

test('one of two twins that start together ends', async () => {
  await using system = await startSystem({ streams: false });
  const { nc } = (await system.connection.first) as { nc: NatsConnection };
  using one = watchForTwin(nc, 'edge2');
  using other = watchForTwin(nc, 'edge2');
  const endedFirst = Promise.race([ended(one).then(() => one), ended(other).then(() => other)]);
  const last = (await endedFirst) === one ? other : one;
  // The one that stays receives this after everything that the other has sent.
  nc.publish(twinSubject('edge2'), presence('~', 0, true));
  await nc.flush();
  let stays = true;
  last.found.catch(() => {
    stays = false;
  });
  await nc.flush();
  assert.ok(stays);
});
