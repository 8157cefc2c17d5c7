/** Voting: votes that come together are stored as one message. */
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

interface VoteBatchOptions {
  site: string;
  /** Publishes a message. */
  store: ServiceContext<unknown>['commands']['store'];
}

/** Who votes: the viewer, or for someone unknown the holder of an idempotency key, or a voter of one vote. */
export function voterOf(viewer: string | undefined, idempotencyKey: string | undefined): string {
  if (viewer !== undefined) return viewer;
  if (idempotencyKey === undefined) return onceVoter(randomUUID());
  return keyVoter(hash('sha256', idempotencyKey, 'base64url'));
}

/**
 * Stores votes. A vote needs no expectation: it says a state, and the last one of a viewer counts. So whatever comes
 * while messages are on their way goes out together in the next.
 */
export class VoteBatcher {
  readonly #options: VoteBatchOptions;
  readonly #stored = batched((votes: CastVote[]) => this.#store(votes), {
    maxItems: 1000,
    maxBytes: 500_000,
    // Of one character at most six bytes of JSON.
    sizeOf: ({ vote: { voterId } }) => 110 + 6 * voterId.length,
    maxConcurrent: 2,
  });

  constructor(options: VoteBatchOptions) {
    this.#options = options;
  }

  /**
   * @param origin the request that it came with
   * @param after when another site last had a vote of the same viewer and movie: this one comes behind it
   * @throws AppError unavailable, with `outcome: 'unknown'` when the vote may have been stored.
   */
  cast(vote: Vote, origin?: CastVote['origin'], after?: number): ReturnType<VoteBatchOptions['store']> {
    return this.#stored({ vote, origin, after });
  }

  /** Votes of several requests belong to the trace of the first, and are linked to the others. */
  async #store(taken: CastVote[]) {
    const { site, store } = this.#options;
    const votes = taken.map(({ vote }) => vote);
    const seen = taken.flatMap(({ after }) => after ?? []);
    const after = seen.length === 0 ? undefined : Math.max(...seen);
    const [first, ...others] = taken.map(({ origin }) => origin);
    const origin = { site, source: 'ranking', traceparent: first?.traceparent };
    const links = others.flatMap((other) => (other && isSampled(other.traceparent) ? other.traceparent : []));
    const { movieId, ...only } = votes[0] as Vote;
    const message =
      votes.length === 1
        ? encodeEvent(voteGiven, { movieId }, only, origin, { after })
        : encodeEvent(votesGiven, {}, votes, origin, { links, after });
    const stored = await store(message);
    return votes.map(() => stored);
  }
}
