/** Reading several streams at the same time over one connection. */
import assert from 'node:assert/strict';
import type { StreamInfo } from '@nats-io/jetstream';
import { test } from 'vitest';
import { startSystem, until } from '../../tests/harness.ts';
import { createLogger } from '../process/log.ts';
import type { StoredMessage } from './event-codec.ts';
import { Publisher } from './publisher.ts';
import { StreamReader } from './stream-reader.ts';

test('a stream of large messages does not delay the reading of other streams', async () => {
  await using system = await startSystem();
  const count = 4000;
  const large = new Uint8Array(11_000);
  for (let i = 0; i < count; i++) system.link.nc.publish('votes.hub.batch', large);
  await system.publish('catalogue.hub.movie.1', { title: 'Film' });
  const taken = { VOTES: 0, CATALOGUE: 0 };
  const read = (stream: keyof typeof taken) =>
    new StreamReader({
      stream,
      filter: `${stream.toLowerCase()}.>`,
      connection: system.connection,
      log: createLogger('test', 'silent'),
      target: {
        position: ({ created }: StreamInfo) => ({ sequence: taken[stream], created }),
        apply: (messages: StoredMessage[]) => {
          taken[stream] += messages.length;
          if (stream === 'CATALOGUE') behind = count - taken.VOTES;
        },
        caughtUp() {},
        replaced: (reason) => assert.fail(reason),
      },
    });
  let behind = 0;
  await using _votes = read('VOTES');
  await until(() => taken.VOTES > 0, 'the first votes');
  await using _catalogue = read('CATALOGUE');
  await until(() => taken.CATALOGUE === 1 && taken.VOTES === count, 'all of them');
  assert.ok(behind > 0, 'the catalogue was read only after all votes');
});

test('does not apply a part of an atomic batch, even if the broker delivers its messages one by one', async () => {
  await using system = await startSystem();
  using publisher = new Publisher(system.connection);
  const count = 500;
  const data = JSON.stringify({ title: 'x'.repeat(1500) });
  let applied = 0;
  let ready = false;
  let began = 0;
  const parts: string[] = [];
  await using _ = new StreamReader({
    stream: 'CATALOGUE',
    filter: 'catalogue.>',
    connection: system.connection,
    log: createLogger('test', 'silent'),
    target: {
      position: ({ created }: StreamInfo) => ({ sequence: applied, created }),
      apply(messages) {
        applied += messages.length;
        const isWhole = messages.at(-1)?.headers['Nats-Batch-Commit'] !== undefined;
        const waitedMs = performance.now() - began;
        began = performance.now();
        // On a slow disk, the messages stored within 50 ms are a part.
        if (!isWhole && waitedMs < 40) parts.push(`${messages.length} messages after ${waitedMs} ms`);
      },
      caughtUp() {
        ready = true;
      },
      replaced: (reason) => assert.fail(reason),
    },
  });
  await until(() => ready, 'the reader');
  began = performance.now();
  const publish = (movieId: number) =>
    publisher.publish({ stream: 'CATALOGUE', subject: `catalogue.hub.movie.${movieId}`, data, headers: {} });
  await Promise.all(Array.from({ length: count }, (_, index) => publish(index + 1)));
  await until(() => applied === count, 'all of them');
  assert.deepEqual(parts, []);
});
