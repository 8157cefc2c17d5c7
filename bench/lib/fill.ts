/** Fills streams with synthetic events as fast as the broker stores them. */
import { movieStated } from '../../services/movies/contract.ts';
import { voteGiven, votesGiven } from '../../services/ranking/contract.ts';
import { encodeEvent, type OutgoingMessage, toHeaders } from '../../shared/broker/event-codec.ts';
import { hub } from '../../shared/process/sites.ts';
import { syntheticMovies } from './movies-data.ts';
import type { BenchSystem } from './system.ts';
import { type SyntheticVote, syntheticVotes } from './votes-data.ts';

/** CATALOGUE refuses movies of any other site. */
const origin = { site: hub, source: 'bench' };
const inFlight = 2000;

/** Fills CATALOGUE with movies 1 … `movies`. */
export function fillMovies(system: BenchSystem, movies: number): Promise<void> {
  return publishAll(system, movieMessages(movies));
}

export interface VotesShape {
  /** Votes in a message: 1, or a batch as ranking publishes under load. */
  perMessage: number;
  /** Years up to now over which the times of the votes are spread; 0: no times of their own. */
  years?: number;
}

/** Fills VOTES. */
export function fillVotes(system: BenchSystem, votes: number, movies: number, shape: VotesShape): Promise<void> {
  return publishAll(system, voteMessages(votes, movies, shape));
}

async function publishAll(system: BenchSystem, messages: Iterable<OutgoingMessage>): Promise<void> {
  await using connection = system.connect();
  const { nc, js } = await connection.first;
  let last: Promise<unknown> = Promise.resolve();
  let sent = 0;
  for (const { subject, data, headers } of messages) {
    // Wait for an ack only every `inFlight` messages: the broker stores messages of one connection in order.
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

function* voteMessages(
  votes: number,
  movies: number,
  { perMessage, years = 0 }: VotesShape,
): Generator<OutgoingMessage> {
  const began = Date.now() - years * 365 * 86_400_000;
  let given = 0;
  const options = () => {
    const time = began + ((Date.now() - began) * given) / votes;
    return years === 0 ? {} : { headers: { 'ce-time': new Date(time).toISOString() } };
  };
  let collected: SyntheticVote[] = [];
  for (const vote of syntheticVotes(votes, movies)) {
    given++;
    if (perMessage === 1) {
      const { movieId, ...data } = vote;
      yield encodeEvent(voteGiven, { movieId }, data, origin, options());
      continue;
    }
    collected.push(vote);
    if (collected.length < perMessage) continue;
    yield encodeEvent(votesGiven, {}, collected, origin, options());
    collected = [];
  }
  if (collected.length > 0) yield encodeEvent(votesGiven, {}, collected, origin, options());
}
