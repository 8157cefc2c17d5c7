/** Likes of movies, asked of simulated ranking replicas. */
import assert from 'node:assert/strict';
import type { Msg } from '@nats-io/nats-core';
import { test } from 'vitest';
import { AppError, type ErrorCode, toProblem } from '../../shared/operations/errors.ts';
import { batchSubject, decodeRequests, encodeReplies, type RequestEntry } from '../../shared/rpc/wire-format.ts';
import { type System, startSystem } from '../../tests/harness.ts';
import { Likes } from './likes.ts';

type Answer = (request: RequestEntry) => object | ErrorCode | undefined;

/** Starts a simulated replica of ranking. @returns the requests that it receives, grouped by message */
async function startRanking({ connection }: System, answer: Answer): Promise<RequestEntry[][]> {
  const { nc } = await connection.first;
  const received: RequestEntry[][] = [];
  const callback = (_: Error | null, message: Msg): void => {
    const requests = decodeRequests(message.string());
    received.push(requests);
    const replies = requests.flatMap((request) => {
      const given = answer(request);
      if (given === undefined) return [];
      const problem = typeof given === 'string' ? toProblem(new AppError(given, 'refused')) : undefined;
      const body = JSON.stringify(problem ?? given);
      return [{ id: request.id, status: problem?.status ?? 200, body }];
    });
    if (replies.length > 0) message.respond(encodeReplies(replies, 'replica'));
  };
  nc.subscribe(batchSubject('ranking'), { queue: 'ranking', callback });
  return received;
}

/** Even movies have as many likes as their id; ranking does not know odd ones. */
const known = (movieId: number): number | null => (movieId % 2 === 0 ? movieId : null);

const answerAll: Answer = ({ subject, input }) => {
  assert.equal(subject, 'ranking.likesOf');
  return { likes: (input as { movieIds: number[] }).movieIds.map(known) };
};

/** A request without deadline or position. */
const call = { position: undefined, deadline: Number.POSITIVE_INFINITY };

/** Returns the inputs of each message, without hedged repeats, which occur on a slow machine. */
const questions = (received: RequestEntry[][]): unknown[] =>
  [...new Set(received.map((requests) => JSON.stringify(requests.map(({ input }) => input))))].map((text) =>
    JSON.parse(text),
  );

/** Request timeout that is never reached here. */
const longTimeoutMs = 60_000;

const ids = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1);
const shown = (likes: Likes, movieIds: number[]) =>
  Promise.all(movieIds.map((id) => likes.of(id, (count) => count, call)));

test('asks once for all movies of an event-loop turn, and counts 0 likes for movies unknown to ranking', async () => {
  await using system = await startSystem({ streams: false });
  const received = await startRanking(system, answerAll);
  const likes = new Likes(system.caller, longTimeoutMs);
  const first = shown(likes, ids(3));
  // A microtask is in the same turn.
  const second = Promise.resolve().then(() => shown(likes, [4, 2]));
  assert.deepEqual(
    [await first, await second],
    [
      [0, 2, 0],
      [4, 2],
    ],
  );
  assert.deepEqual(questions(received), [[{ movieIds: [1, 2, 3, 4, 2] }]]);
  assert.deepEqual(await shown(likes, [6]), [6]);
  assert.equal(questions(received).length, 2);
});

test('splits more movies than a question may have over several questions', async () => {
  await using system = await startSystem({ streams: false });
  const received = await startRanking(system, answerAll);
  const all = ids(1100);
  assert.deepEqual(
    await shown(new Likes(system.caller, longTimeoutMs), all),
    all.map((id) => known(id) ?? 0),
  );
  assert.deepEqual(
    (questions(received) as { movieIds: number[] }[][]).flat().map(({ movieIds }) => movieIds.length),
    [500, 500, 100],
  );
});

test('returns null without an answer, and then does not ask ranking for a while', async () => {
  await using system = await startSystem({ streams: false });
  const failing: Answer[] = [() => undefined, () => 'unavailable'];
  for (const answer of failing) {
    await using own = await startSystem({ streams: false });
    const received = await startRanking(own, answer);
    const likes = new Likes(own.caller, 5000);
    assert.deepEqual(await shown(likes, [2, 4]), [null, null]);
    const asked = received.length;
    assert.equal(
      likes.of(2, (count) => count, call),
      null,
      'answered synchronously',
    );
    assert.equal(received.length, asked);
  }
  assert.deepEqual(await shown(new Likes(system.caller, 5000), [2]), [null], 'no replica of ranking is running');
});
