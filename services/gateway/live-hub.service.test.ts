/** The hub of live events: delivery to many listeners, and its requests to ranking. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { createLogger } from '../../shared/process/log.ts';
import { post, startSystem, until } from '../../tests/harness.ts';
import { LiveHub } from './live-hub.ts';

test('delivers to many listeners over several turns of the event loop', async () => {
  await using system = await startSystem();
  const [movies] = await system.start('movies', 'ranking');
  await post(`${movies.url}/movies`, { movieId: 1, title: 'Film' });
  const { connection, caller } = system;
  await using hub = new LiveHub({ connection, caller, log: createLogger('test', 'silent') });
  await hub.ready;
  let turn = 0;
  const turns = setInterval(() => turn++, 0);
  const deliveredIn: number[] = [];
  const send = (): void => {
    for (const end = performance.now() + 10; performance.now() < end; );
    deliveredIn.push(turn);
  };
  for (let n = 0; n < 20; n++) hub.listen({ send, reset() {}, end() {} }, undefined);
  await system.publish('votes.hub.1', { voterId: 'alice', liked: true });
  await until(() => deliveredIn.length === 20, 'delivery to all listeners');
  clearInterval(turns);
  assert.ok(new Set(deliveredIn).size > 5, `delivered in turns ${deliveredIn}`);
});

test('asks ranking for likes only when there is a listener', async () => {
  await using system = await startSystem();
  const asked: unknown[] = [];
  const caller = { ask: async (_: unknown, input: unknown) => asked.push(input) } as unknown as typeof system.caller;
  await using hub = new LiveHub({ connection: system.connection, caller, log: createLogger('test', 'silent') });
  await hub.ready;
  await system.publish('votes.hub.1', { voterId: 'alice', liked: true });
  await until(() => hub.positions.includes(1), 'the vote to be read');
  // The timer of a request to ranking would fire before this one.
  await new Promise((resolve) => setTimeout(resolve, 301));
  hub.listen({ send() {}, reset() {}, end() {} }, undefined);
  await system.publish('votes.hub.2', { voterId: 'alice', liked: true });
  await until(() => asked.length > 0, 'a request for likes');
  assert.deepEqual(asked, [{ movieIds: [2] }]);
});

test('asks ranking for likes again when it did not answer', async () => {
  await using system = await startSystem();
  const [movies] = await system.start('movies');
  await post(`${movies.url}/movies`, { movieId: 1, title: 'Film' });
  let unanswered = 0;
  const ask = (...given: Parameters<typeof system.caller.ask>) =>
    system.caller.ask(...given).catch((error: unknown) => {
      unanswered++;
      throw error;
    });
  const caller = { ask } as unknown as typeof system.caller;
  await using hub = new LiveHub({ connection: system.connection, caller, log: createLogger('test', 'silent') });
  await hub.ready;
  const received: unknown[] = [];
  hub.listen({ send: (events) => received.push(...events), reset() {}, end() {} }, undefined);
  await system.publish('votes.hub.1', { voterId: 'alice', liked: true });
  await until(() => unanswered > 0, 'an unanswered request for likes');
  await system.start('ranking');
  await until(() => received.length > 0, 'the likes to be delivered');
  assert.partialDeepStrictEqual(received, [{ kind: 'likes', movieId: 1, likes: 1 }]);
});
