/** The likes of movies, which belong to ranking. A movie is shown without them rather than late. */
import { batched } from '../../shared/broker/batcher.ts';
import type { Call } from '../../shared/operations/endpoint.ts';
import type { ServiceContext } from '../../shared/service.ts';
import { maxMoviesPerRequest, ranking } from '../ranking/contract.ts';

/** Of the time that a request has. */
const patience = 0.08;
const pauseMs = 1000;
/** What is left for the rest of a request that has waited for likes. */
const marginMs = 200;

type Caller = ServiceContext<unknown>['caller'];

/**
 * Asks ranking, once for all movies of one turn of the event loop, or of the time that a question takes. After a failure it is left alone for a second, so that
 * its absence costs the others nothing.
 */
export class Likes {
  readonly #caller: Caller;
  readonly #patienceMs: number;
  readonly #likesOf = batched((movieIds: number[]) => this.#ask(movieIds), {
    maxItems: maxMoviesPerRequest,
    // While ranking answers one question, the movies of the next ones are collected.
    maxConcurrent: 2,
  });
  #pausedUntil = 0;

  constructor(caller: Caller, requestTimeoutMs: number) {
    this.#caller = caller;
    this.#patienceMs = requestTimeoutMs * patience;
  }

  /**
   * What `show` makes of the likes of a movie; of null while ranking cannot be asked. Who wants to see what they have written
   * is waited for.
   */
  of<T>(
    movieId: number,
    show: (likes: number | null) => T,
    { position, deadline }: Pick<Call, 'position' | 'deadline'>,
  ): T | Promise<T> {
    if (position !== undefined) return this.#behind(position, movieId, deadline).then(show);
    if (this.#pausedUntil > 0 && performance.now() < this.#pausedUntil) return show(null);
    return this.#likesOf(movieId).then(show);
  }

  /** Never rejects. That it takes long says nothing about others. */
  async #behind(position: string, movieId: number, deadline: number): Promise<number | null> {
    try {
      const options = { timeoutMs: deadline - Date.now() - marginMs, position };
      const { likes } = await this.#caller.ask(ranking.likesOf, { movieIds: [movieId] }, options);
      return likes[0] ?? 0;
    } catch {
      return null;
    }
  }

  /** Never rejects. */
  async #ask(movieIds: number[]): Promise<(number | null)[]> {
    try {
      const { likes } = await this.#caller.ask(ranking.likesOf, { movieIds }, { timeoutMs: this.#patienceMs });
      // Ranking may not know a movie yet that was added a moment ago.
      return likes.map((count) => count ?? 0);
    } catch {
      this.#pausedUntil = performance.now() + pauseMs;
      return movieIds.map(() => null);
    }
  }
}
