/** Voting: votes that come together are stored as one message. */
import { createHash, randomUUID } from 'node:crypto';
import { encodeEvent } from '../../shared/events.ts';
import { Group } from '../../shared/group.ts';
import type { Published, Publisher } from '../../shared/publish.ts';
import { currentOrigin } from '../../shared/trace.ts';
import { voteGiven, votesGiven } from './contract.ts';

export interface Vote {
  movieId: number;
  voterId: string;
  liked: boolean;
}

/** Who votes: the viewer, or for someone unknown the holder of an idempotency key, or a voter of one vote. */
export function voterOf(viewer: string | undefined, idempotencyKey: string | undefined): string {
  if (viewer !== undefined) return viewer;
  if (idempotencyKey === undefined) return `once-${randomUUID()}`;
  return `key-${createHash('sha256').update(idempotencyKey).digest('base64url')}`;
}

/**
 * Stores votes. A vote needs no expectation: it says a state, and the last one of a viewer counts. So whatever comes
 * while a message is on its way goes out together in the next.
 */
export class Ballot {
  readonly #group: Group<Vote & { traceparent: string | undefined }, Published>;
  readonly #publisher: Publisher;
  readonly #site: string;

  constructor(publisher: Publisher, site: string) {
    this.#publisher = publisher;
    this.#site = site;
    this.#group = new Group((votes) => this.#store(votes), {
      maxItems: 1000,
      maxBytes: 500_000,
      sizeOf: (vote) => 60 + vote.voterId.length,
    });
  }

  /** @throws AppError unavailable, with `outcome: 'unknown'` when the vote may have been stored. */
  cast(vote: Vote): Promise<Published> {
    return this.#group.add({ ...vote, traceparent: currentOrigin.getStore()?.traceparent });
  }

  /** Votes of several requests belong to the trace of the first, and are linked to the others. */
  async #store(taken: (Vote & { traceparent: string | undefined })[]): Promise<PromiseSettledResult<Published>[]> {
    const votes = taken.map(({ movieId, voterId, liked }): Vote => ({ movieId, voterId, liked }));
    const [first, ...others] = taken.map(({ traceparent }) => traceparent);
    const origin = { site: this.#site, source: 'ranking', traceparent: first };
    const { movieId, voterId, liked } = votes[0] as Vote;
    const message =
      votes.length === 1
        ? encodeEvent(voteGiven, { movieId }, { voterId, liked }, origin)
        : encodeEvent(votesGiven, {}, votes, origin, { links: others.filter((other) => other !== undefined) });
    const published = await this.#publisher.publish(message);
    return votes.map(() => ({ status: 'fulfilled', value: published }));
  }
}
