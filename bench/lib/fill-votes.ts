/** Fills VOTES with synthetic votes, as fast as the broker takes them. */

import { voteGiven, votesGiven } from '../../services/ranking/contract.ts';
import { encodeEvent, type OutgoingMessage, toHeaders } from '../../shared/events.ts';
import type { BenchSystem } from './system.ts';
import { type SyntheticVote, syntheticVotes } from './votes-data.ts';

const origin = { site: 'bench', source: 'bench' };
const inFlight = 2000;

/** @param perMessage 1: a message for each vote; more: batches of that many, as ranking writes them under load */
export async function fillVotes(system: BenchSystem, votes: number, movies: number, perMessage = 1): Promise<void> {
  await using connection = system.connect();
  const { nc, replies } = await connection.first;
  let last: Promise<unknown> = Promise.resolve();
  let sent = 0;
  for (const { subject, data, headers } of messages(votes, movies, perMessage)) {
    // Only every so often is a reply waited for: the broker takes messages of one connection in order.
    if (++sent % inFlight !== 0) {
      nc.publish(subject, data, { headers: toHeaders(headers) });
      continue;
    }
    await last;
    last = replies.request(subject, data, 60_000, toHeaders(headers));
  }
  await last;
  await nc.flush();
}

function* messages(votes: number, movies: number, perMessage: number): Generator<OutgoingMessage> {
  let collected: SyntheticVote[] = [];
  for (const vote of syntheticVotes(votes, movies)) {
    if (perMessage === 1) {
      const { movieId, ...data } = vote;
      yield encodeEvent(voteGiven, { movieId }, data, origin);
      continue;
    }
    collected.push(vote);
    if (collected.length < perMessage) continue;
    yield encodeEvent(votesGiven, {}, collected, origin);
    collected = [];
  }
  if (collected.length > 0) yield encodeEvent(votesGiven, {}, collected, origin);
}
