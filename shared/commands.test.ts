import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Connection } from './broker/connection.ts';
import { Commands } from './commands.ts';

test('shares a request for stream state until it is sent', async () => {
  let requests = 0;
  const info = async () => ++requests;
  const connection = { link: { jsm: { streams: { info } } } } as unknown as Connection;
  const commands = new Commands(connection, {} as never, {} as never);
  await Promise.all([commands.streamInfo('VOTES'), commands.streamInfo('VOTES')]);
  assert.equal(requests, 1);
  // Two callbacks of one event-loop turn, as for data from two sockets.
  await Promise.all(
    [1, 2].map(() => new Promise<void>((resolve) => setTimeout(() => resolve(void commands.streamInfo('VOTES'))))),
  );
  assert.equal(requests, 3);
});
