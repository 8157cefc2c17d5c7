import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Connection } from './broker/connection.ts';
import { Commands } from './commands.ts';

test('what a stream holds is asked once for those who ask together, and anew for who comes when that is on its way', async () => {
  let asked = 0;
  const info = async () => ++asked;
  const connection = { link: { jsm: { streams: { info } } } } as unknown as Connection;
  const commands = new Commands(connection, {} as never, {} as never);
  await Promise.all([commands.streamInfo('VOTES'), commands.streamInfo('VOTES')]);
  assert.equal(asked, 1);
  // Both in one turn of the event loop, as what is read from two sockets.
  await Promise.all(
    [1, 2].map(() => new Promise<void>((resolve) => setTimeout(() => resolve(void commands.streamInfo('VOTES'))))),
  );
  assert.equal(asked, 3);
});
