/** Stores votes. Votes that arrive at the same time are published as one message. */
import { hash, randomUUID } from 'node:crypto';
import { batched } from '../../shared/broker/batcher.ts';
import { encodeEvent } from '../../shared/broker/event-codec.ts';
import type { Call } from '../../shared/operations/endpoint.ts';
import { isSampled } from '../../shared/process/trace-context.ts';
import type { ServiceContext } from '../../shared/service.ts';
import { keyVoter, onceVoter, type Vote, voteGiven, votesGiven } from './contract.ts';

interface CastVote {
  vote: Vote;
  origin: Pick<Call, 'traceparent'> | undefined;
  after: number | undefined;
}

interface VoteBatcherOptions {
  site: string;
  store: ServiceContext<unknown>['commands']['store'];
}

/** Returns the id that a vote is stored under: the viewer, else made from the Idempotency-Key, else random. */
export function voterOf(viewer: string | undefined, idempotencyKey: string | undefined): string {
  if (viewer !== undefined) return viewer;
  if (idempotencyKey === undefined) return onceVoter(randomUUID());
  return keyVoter(hash('sha256', idempotencyKey, 'base64url'));
}

/**
 * Publishes votes in batches. A vote states whether a viewer likes a movie, and the viewer's last vote counts, so it
 * needs no expected sequence. Therefore votes that arrive while messages are in flight can share the next message.
 */
export class VoteBatcher {
  readonly #options: VoteBatcherOptions;
  readonly #stored = batched((votes: CastVote[]) => this.#store(votes), {
    maxItems: 1000,
    maxBytes: 500_000,
    // One character takes at most six bytes of JSON.
    sizeOf: ({ vote: { voterId } }) => 110 + 6 * voterId.length,
    maxConcurrent: 2,
  });

  constructor(options: VoteBatcherOptions) {
    this.#options = options;
  }

  /**
   * Stores a vote.
   * @param origin trace of the request that brought the vote
   * @param after time of the last vote of this viewer for this movie at another site: the new vote gets a later time
   * @throws AppError unavailable, with `outcome: 'unknown'` when the vote may have been stored
   */
  cast(vote: Vote, origin?: CastVote['origin'], after?: number): ReturnType<VoteBatcherOptions['store']> {
    return this.#stored({ vote, origin, after });
  }

  /** Publishes votes as one message, in the trace of the first request and with links to those of the others. */
  async #store(batch: CastVote[]) {
    const { site, store } = this.#options;
    const votes = batch.map(({ vote }) => vote);
    const times = batch.flatMap(({ after }) => after ?? []);
    const after = times.length === 0 ? undefined : Math.max(...times);
    const [first, ...others] = batch.map(({ origin }) => origin);
    const origin = { site, source: 'ranking', traceparent: first?.traceparent };
    const links = others.flatMap((other) => (other && isSampled(other.traceparent) ? other.traceparent : []));
    const { movieId, ...firstVote } = votes[0] as Vote;
    const message =
      votes.length === 1
        ? encodeEvent(voteGiven, { movieId }, firstVote, origin, { after })
        : encodeEvent(votesGiven, {}, votes, origin, { links, after });
    const stored = await store(message);
    return votes.map(() => stored);
  }
}
