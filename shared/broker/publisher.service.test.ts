/** Publishing alone, in batches, and to a broker that does not answer. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { startSystem, until } from '../../tests/harness.ts';
import { AppError } from '../operations/errors.ts';
import type { OutgoingMessage } from './event-codec.ts';
import { Publisher, WrongLastSequence } from './publisher.ts';

/** Creates a vote for a movie. `first`: expect that its subject has no message yet. */
function vote(movieId: number, first = false): OutgoingMessage {
  const message = {
    stream: 'VOTES',
    subject: `votes.hub.${movieId}`,
    data: '{"voterId":"ann","liked":true}',
    headers: {},
  };
  return first ? { ...message, expect: { lastSubjectSequence: 0 } } : message;
}

test('stores a message once for its id, and not when its expectation fails', async () => {
  await using system = await startSystem();
  await system.connection.first;
  const publisher = new Publisher(system.connection);
  const message = { ...vote(1), headers: { 'Nats-Msg-Id': 'one' } };
  const [first, again] = [await publisher.publish(message), await publisher.publish(message)];
  assert.deepEqual([first.sequence, first.duplicate, again.sequence, again.duplicate], [1, false, 1, true]);
  await assert.rejects(publisher.publish(vote(1, true)), WrongLastSequence);
  assert.equal((await publisher.publish(vote(2, true))).sequence, 2);
});

test('refuses of many simultaneous messages only the one whose expectation fails', async () => {
  await using system = await startSystem();
  await system.connection.first;
  const publisher = new Publisher(system.connection);
  const all = Array.from({ length: 40 }, (_, n) => publisher.publish(vote(n + 1, true)));
  const sequences = (await Promise.all(all)).map(({ sequence }) => sequence);
  assert.deepEqual(
    sequences,
    all.map((_, n) => n + 1),
    'consecutive',
  );
  const settled = await Promise.allSettled(
    [7, ...sequences.map((n) => n + 100)].map((n) => publisher.publish(vote(n, true))),
  );
  assert.deepEqual(
    settled.map(({ status }) => status === 'fulfilled'),
    settled.map((_, index) => index > 0),
  );
  const [refused] = settled;
  assert.ok(refused?.status === 'rejected' && refused.reason instanceof WrongLastSequence);
});

/** Creates a vote for a movie that expects that no site has one yet. */
function firstOfAll(movieId: number): OutgoingMessage {
  return { ...vote(movieId), expect: { lastSubjectSequence: 0, subject: `votes.*.${movieId}` } };
}

test('stores one of two simultaneous messages with the same filter expectation', async () => {
  await using system = await startSystem();
  await system.connection.first;
  const publisher = new Publisher(system.connection);
  const movieIds = [1, 1, ...Array.from({ length: 30 }, (_, n) => n + 2)];
  const settled = await Promise.allSettled(movieIds.map((movieId) => publisher.publish(firstOfAll(movieId))));
  const [second] = settled.splice(1, 1);
  assert.ok(second?.status === 'rejected' && second.reason instanceof WrongLastSequence);
  for (const { status } of settled) assert.equal(status, 'fulfilled');

  const behind = [vote(50), firstOfAll(50), ...Array.from({ length: 30 }, (_, n) => firstOfAll(n + 51))];
  const [, refused] = await Promise.allSettled(behind.map((message) => publisher.publish(message)));
  assert.equal(refused?.status, 'rejected', 'after an unconditional message that its filter matches');
});

// A broker before 2.14.4 would confuse about one of fifty of these in a batch with another.
test('checks each filter expectation by itself when many messages come together', async () => {
  await using system = await startSystem();
  await system.connection.first;
  const publisher = new Publisher(system.connection);
  await publisher.publish(firstOfAll(10_000));
  for (let round = 1; round <= 200; round++) {
    const movieIds = Array.from({ length: 16 }, (_, n) => 10_000 + 16 * round + n);
    movieIds[round % 16] = 10_000;
    const settled = await Promise.allSettled(movieIds.map((movieId) => publisher.publish(firstOfAll(movieId))));
    const [again] = settled.splice(round % 16, 1);
    assert.equal(again?.status, 'rejected', `round ${round}`);
    for (const { status } of settled) assert.equal(status, 'fulfilled');
  }
});

test('the outcome is unknown when the broker does not answer, but not when there is no stream', async () => {
  await using system = await startSystem({ ownBroker: true });
  await system.connection.first;
  using publisher = new Publisher(system.connection);
  using other = new Publisher(system.connection);
  const failure = async (message: OutgoingMessage, by = publisher): Promise<AppError> => {
    try {
      await by.publish(message);
    } catch (error) {
      assert.ok(error instanceof AppError);
      return error;
    }
    throw new Error('it was stored');
  };
  const nowhere = await failure({ ...vote(1), stream: 'NOWHERE', subject: 'nowhere.hub.1' });
  assert.deepEqual([nowhere.code, nowhere.outcome], ['unavailable', undefined]);

  system.signalBroker('SIGSTOP');
  const [silent, one, many] = await Promise.all([
    failure(vote(1)),
    failure({ ...vote(2), with: vote(3) }),
    ...Array.from({ length: 20 }, (_, n) => failure(vote(n + 4))),
  ]);
  for (const error of [silent, one, many]) assert.deepEqual([error?.code, error?.outcome], ['unavailable', 'unknown']);
  assert.deepEqual(
    publisher.health.failing.map(({ stream }) => stream),
    ['NOWHERE', 'VOTES'],
  );
  const refused = await failure(vote(49));
  assert.deepEqual([refused.code, refused.outcome], ['unavailable', undefined], 'it was not even sent');
  const lost = failure(vote(50), other);
  await system.killBroker();
  assert.equal((await lost).outcome, 'unknown');
  await until(() => !system.connection.connected, 'the loss to be seen');
  const away = await failure(vote(51));
  assert.deepEqual([away.code, away.outcome], ['unavailable', undefined], 'it was never sent');
});
