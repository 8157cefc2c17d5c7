/** Likes of movies, asked of replicas of ranking that answer as they are told. */
import assert from 'node:assert/strict';
import type { Msg } from '@nats-io/nats-core';
import { test } from 'vitest';
import { AppError, type ErrorCode, toProblem } from '../../shared/operations/errors.ts';
import { batchSubject, decodeRequests, encodeReplies, type RequestEntry } from '../../shared/rpc/wire-format.ts';
import { type System, startSystem } from '../../tests/harness.ts';
import { Likes } from './likes.ts';

type Answer = (request: RequestEntry) => object | ErrorCode | undefined;

/** A replica of ranking. Gives the requests that it got, message by message. */
async function startRanking({ connection }: System, answer: Answer): Promise<RequestEntry[][]> {
  const { nc } = await connection.first;
  const got: RequestEntry[][] = [];
  const callback = (_: Error | null, message: Msg): void => {
    const requests = decodeRequests(message.string());
    got.push(requests);
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
  return got;
}

/** Even movies have their number of likes, odd ones are unknown. */
const known = (movieId: number): number | null => (movieId % 2 === 0 ? movieId : null);

const batches: Answer = ({ subject, input }) => {
  assert.equal(subject, 'ranking.likesOf');
  return { likes: (input as { movieIds: number[] }).movieIds.map(known) };
};

/** A request that may take its time, and has written nothing. */
const call = { position: undefined, deadline: Number.POSITIVE_INFINITY };

/** What was asked, message by message; a question that is repeated, as on a slow machine, once. */
const questions = (got: RequestEntry[][]): unknown[] =>
  [...new Set(got.map((requests) => JSON.stringify(requests.map(({ input }) => input))))].map((text) =>
    JSON.parse(text),
  );

/** However long an answer takes here. */
const patient = 60_000;

const ids = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1);
const shown = (likes: Likes, movieIds: number[]) =>
  Promise.all(movieIds.map((id) => likes.of(id, (count) => count, call)));

test('the movies of a turn are one question, and an unknown one has no likes', async () => {
  await using system = await startSystem({ streams: false });
  const got = await startRanking(system, batches);
  const likes = new Likes(system.caller, patient);
  const first = shown(likes, ids(3));
  // Behind a promise is the same turn.
  const second = Promise.resolve().then(() => shown(likes, [4, 2]));
  assert.deepEqual(
    [await first, await second],
    [
      [0, 2, 0],
      [4, 2],
    ],
  );
  assert.deepEqual(questions(got), [[{ movieIds: [1, 2, 3, 4, 2] }]]);
  assert.deepEqual(await shown(likes, [6]), [6]);
  assert.equal(questions(got).length, 2);
});

test('more movies than a question may name are several', async () => {
  await using system = await startSystem({ streams: false });
  const got = await startRanking(system, batches);
  const all = ids(1100);
  assert.deepEqual(
    await shown(new Likes(system.caller, patient), all),
    all.map((id) => known(id) ?? 0),
  );
  assert.deepEqual(
    (questions(got) as { movieIds: number[] }[][]).flat().map(({ movieIds }) => movieIds.length),
    [500, 500, 100],
  );
});

test('without an answer there are no likes, and ranking is left alone for a while', async () => {
  await using system = await startSystem({ streams: false });
  const failing: Answer[] = [() => undefined, () => 'unavailable'];
  for (const answer of failing) {
    await using own = await startSystem({ streams: false });
    const got = await startRanking(own, answer);
    const likes = new Likes(own.caller, 5000);
    assert.deepEqual(await shown(likes, [2, 4]), [null, null]);
    const asked = got.length;
    assert.equal(
      likes.of(2, (count) => count, call),
      null,
      'at once',
    );
    assert.equal(got.length, asked);
  }
  assert.deepEqual(await shown(new Likes(system.caller, 5000), [2]), [null], 'nobody is there');
});
