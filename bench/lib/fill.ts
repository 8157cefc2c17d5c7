/** Fills streams with synthetic events, as fast as the broker takes them. */
import { movieStated } from '../../services/movies/contract.ts';
import { voteGiven, votesGiven } from '../../services/ranking/contract.ts';
import { encodeEvent, type OutgoingMessage, toHeaders } from '../../shared/broker/event-codec.ts';
import { syntheticMovies } from './movies-data.ts';
import type { BenchSystem } from './system.ts';
import { type SyntheticVote, syntheticVotes } from './votes-data.ts';

const origin = { site: 'bench', source: 'bench' };
const inFlight = 2000;

/** Fills CATALOGUE with movies 1 … `movies`. */
export function fillMovies(system: BenchSystem, movies: number): Promise<void> {
  return publishAll(system, movieMessages(movies));
}

/**
 * Fills VOTES.
 * @param perMessage 1: a message for each vote; more: batches of that many, as ranking writes them under load
 */
export function fillVotes(system: BenchSystem, votes: number, movies: number, perMessage = 1): Promise<void> {
  return publishAll(system, voteMessages(votes, movies, perMessage));
}

async function publishAll(system: BenchSystem, messages: Iterable<OutgoingMessage>): Promise<void> {
  await using connection = system.connect();
  const { nc, js } = await connection.first;
  let last: Promise<unknown> = Promise.resolve();
  let sent = 0;
  for (const { subject, data, headers } of messages) {
    // Only every so often is a reply waited for: the broker takes messages of one connection in order.
    if (++sent % inFlight !== 0) {
      nc.publish(subject, data, { headers: toHeaders(headers) });
      continue;
    }
    await last;
    last = js.publish(subject, data, { timeout: 60_000, headers: toHeaders(headers) });
  }
  await last;
  await nc.flush();
}

function* movieMessages(movies: number): Generator<OutgoingMessage> {
  for (const { movieId, ...fields } of syntheticMovies(movies))
    yield encodeEvent(movieStated, { movieId }, fields, origin);
}

function* voteMessages(votes: number, movies: number, perMessage: number): Generator<OutgoingMessage> {
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
