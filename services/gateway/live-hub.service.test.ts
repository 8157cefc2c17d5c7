/** What the hub of live events does for its listeners, and only for them. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { createLogger } from '../../shared/process/log.ts';
import { post, startSystem, until } from '../../tests/harness.ts';
import { LiveHub } from './live-hub.ts';

test('what many listeners are told leaves turns to others', async () => {
  await using system = await startSystem();
  const [movies] = await system.start('movies', 'ranking');
  await post(`${movies.url}/movies`, { movieId: 1, title: 'Film' });
  const { connection, caller } = system;
  await using hub = new LiveHub({ connection, caller, log: createLogger('test', 'silent') });
  await hub.ready;
  let turn = 0;
  const turns = setInterval(() => turn++, 0);
  const toldIn: number[] = [];
  const send = (): void => {
    for (const end = performance.now() + 10; performance.now() < end; );
    toldIn.push(turn);
  };
  for (let n = 0; n < 20; n++) hub.listen({ send, reset() {}, end() {} }, undefined);
  await system.publish('votes.hub.1', { voterId: 'alice', liked: true });
  await until(() => toldIn.length === 20, 'all to be told');
  clearInterval(turns);
  assert.ok(new Set(toldIn).size > 5, `told in the turns ${toldIn}`);
});

test('ranking is asked for likes only where somebody listens', async () => {
  await using system = await startSystem();
  const asked: unknown[] = [];
  const caller = { ask: async (_: unknown, input: unknown) => asked.push(input) } as unknown as typeof system.caller;
  await using hub = new LiveHub({ connection: system.connection, caller, log: createLogger('test', 'silent') });
  await hub.ready;
  await system.publish('votes.hub.1', { voterId: 'alice', liked: true });
  await until(() => hub.positions.includes(1), 'the vote to be read');
  // It would be asked for by a timer that is due before this one.
  await new Promise((resolve) => setTimeout(resolve, 301));
  hub.listen({ send() {}, reset() {}, end() {} }, undefined);
  await system.publish('votes.hub.2', { voterId: 'alice', liked: true });
  await until(() => asked.length > 0, 'the likes to be asked for');
  assert.deepEqual(asked, [{ movieIds: [2] }]);
});

test('likes that ranking does not tell are asked for again', async () => {
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
  const told: unknown[] = [];
  hub.listen({ send: (events) => told.push(...events), reset() {}, end() {} }, undefined);
  await system.publish('votes.hub.1', { voterId: 'alice', liked: true });
  await until(() => unanswered > 0, 'the likes to be asked for in vain');
  await system.start('ranking');
  await until(() => told.length > 0, 'the likes to be told');
  assert.partialDeepStrictEqual(told, [{ kind: 'likes', movieId: 1, likes: 1 }]);
});
