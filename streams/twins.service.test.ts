import assert from 'node:assert/strict';
import type { NatsConnection } from '@nats-io/nats-core';
import { test } from 'vitest';
import { startSystem } from '../tests/harness.ts';
import { type TwinWatch, twinSubject, watchForTwin } from './twins.ts';

/** Hears what twins say of themselves, and says something itself. */
const presence = (id: string, runsMs: number, isAnswer: boolean) =>
  JSON.stringify({ id, host: 'elsewhere', runsMs, isAnswer });

async function ended(watch: TwinWatch): Promise<string> {
  return watch.found.catch((error: Error) => error.message);
}

test('the one that runs for less long ends, and the other answers it once', async () => {
  await using system = await startSystem({ streams: false });
  const { nc } = (await system.connection.first) as { nc: NatsConnection };
  const subject = twinSubject('edge1');
  const heard = nc.subscribe(subject);
  using watch = watchForTwin(nc, 'edge1');
  for (const other of ['no JSON', '{}']) nc.publish(subject, other);
  nc.publish(subject, presence('younger', -10_000, false));
  nc.publish(subject, presence('younger', -10_000, true));
  const said: { id: string; isAnswer: boolean }[] = [];
  for await (const message of heard) {
    if (message.string().includes('younger') || !message.string().includes('host')) continue;
    said.push(message.json());
    if (said.length === 2) break;
  }
  assert.deepEqual(
    said.map(({ isAnswer }) => isAnswer),
    [false, true],
  );
  nc.publish(subject, presence('older', 60_000, true));
  assert.match(await ended(watch), /edge1 runs already, on elsewhere/);
});

test('of two that start together one ends', async () => {
  await using system = await startSystem({ streams: false });
  const { nc } = (await system.connection.first) as { nc: NatsConnection };
  using one = watchForTwin(nc, 'edge2');
  using other = watchForTwin(nc, 'edge2');
  const endedFirst = Promise.race([ended(one).then(() => one), ended(other).then(() => other)]);
  const last = (await endedFirst) === one ? other : one;
  // Whatever the one that ends has said: who stays hears it before this.
  nc.publish(twinSubject('edge2'), presence('~', 0, true));
  await nc.flush();
  let stays = true;
  last.found.catch(() => {
    stays = false;
  });
  await nc.flush();
  assert.ok(stays);
});
