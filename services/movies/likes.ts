/** Likes of movies, asked of ranking. A movie is returned without them rather than late. */
import { batched } from '../../shared/broker/batcher.ts';
import type { Call } from '../../shared/operations/endpoint.ts';
import type { ServiceContext } from '../../shared/service.ts';
import { maxMoviesPerRequest, ranking } from '../ranking/contract.ts';

/** Share of the request timeout that a question to ranking may take. */
const timeoutShare = 0.08;
/** How long ranking is not asked after a failure. */
const pauseMs = 1000;
/** Time left for the rest of a request that has waited for likes. */
const marginMs = 200;

type Caller = ServiceContext<unknown>['caller'];

/**
 * Asks ranking once for all movies that are requested in one turn of the event loop, or while earlier questions are
 * under way. After a failure ranking is not asked for a second, so that its absence does not slow down other requests.
 */
export class Likes {
  readonly #caller: Caller;
  readonly #timeoutMs: number;
  readonly #likesOf = batched((movieIds: number[]) => this.#ask(movieIds), {
    maxItems: maxMoviesPerRequest,
    maxConcurrent: 2,
  });
  #pausedUntil = 0;

  constructor(caller: Caller, requestTimeoutMs: number) {
    this.#caller = caller;
    this.#timeoutMs = requestTimeoutMs * timeoutShare;
  }

  /**
   * Returns the result of `show` for the likes of a movie, or for null while ranking is unavailable. A request with a
   * position waits until its deadline, because the client has to see its own writes.
   */
  of<T>(
    movieId: number,
    show: (likes: number | null) => T,
    { position, deadline }: Pick<Call, 'position' | 'deadline'>,
  ): T | Promise<T> {
    if (position !== undefined) return this.#likesAt(position, movieId, deadline).then(show);
    if (this.#pausedUntil > 0 && performance.now() < this.#pausedUntil) return show(null);
    return this.#likesOf(movieId).then(show);
  }

  /** Asks for likes at a position. Never rejects. A failure starts no pause: the replica may only be late. */
  async #likesAt(position: string, movieId: number, deadline: number): Promise<number | null> {
    try {
      const options = { timeoutMs: deadline - Date.now() - marginMs, position };
      const { likes } = await this.#caller.ask(ranking.likesOf, { movieIds: [movieId] }, options);
      return likes[0] ?? 0;
    } catch {
      return null;
    }
  }

  /** Asks for the likes of several movies. Never rejects. */
  async #ask(movieIds: number[]): Promise<(number | null)[]> {
    try {
      const { likes } = await this.#caller.ask(ranking.likesOf, { movieIds }, { timeoutMs: this.#timeoutMs });
      // Ranking may not know a movie yet that was just added.
      return likes.map((count) => count ?? 0);
    } catch {
      this.#pausedUntil = performance.now() + pauseMs;
      return movieIds.map(() => null);
    }
  }
}
