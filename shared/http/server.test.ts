/** Closing a server. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'vitest';
import { serve } from './server.ts';

test('close does not wait for a connection that was never used, and finishes a request in flight', async () => {
  const held = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const server = await serve(
    async () => {
      asked.resolve();
      await held.promise;
      return new Response('done');
    },
    '127.0.0.1',
    0,
  );
  const unused = connect(server.port, '127.0.0.1');
  await once(unused, 'connect');
  const answer = fetch(`http://127.0.0.1:${server.port}`);
  await asked.promise;
  // Longer than the test timeout.
  const closed = server.close(600_000);
  unused.resume();
  await once(unused, 'close');
  held.resolve();
  assert.equal(await (await answer).text(), 'done');
  await closed;
});
