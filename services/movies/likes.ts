/** The likes of movies, which belong to ranking. A movie is shown without them rather than late. */
import { AppError } from '../../shared/operations/errors.ts';
import { JoinedInput } from '../../shared/rpc/burst.ts';
import type { ServiceCaller } from '../../shared/rpc/caller.ts';
import { mostAsked, ranking } from '../ranking/contract.ts';

const patienceMs = 400;
const pauseMs = 1000;

/** The movies asked for together (gathering.ts), and their likes in that order; none when ranking cannot be asked. */
interface Question {
  movieIds: number[];
  likes: Promise<number[]>;
}

/**
 * Asks ranking, once for all movies that are asked for together. After a failure it is left alone for a second, so that
 * its absence costs the others nothing.
 */
export class Likes {
  readonly #caller: ServiceCaller;
  #pausedUntil = 0;
  #open: Question | undefined;

  constructor(caller: ServiceCaller) {
    this.#caller = caller;
  }

  /** What `show` makes of the likes of a movie; of null while ranking cannot be asked. */
  of<T>(movieId: number, show: (likes: number | null) => T): T | Promise<T> {
    if (this.#pausedUntil > 0 && performance.now() < this.#pausedUntil) return show(null);
    const open = this.#open ?? this.#begin();
    const index = open.movieIds.push(movieId) - 1;
    if (open.movieIds.length === mostAsked) this.#open = undefined;
    return open.likes.then((likes) => show(likes[index] ?? null));
  }

  #begin(): Question {
    const movieIds: number[] = [];
    const open = { movieIds, likes: this.#ask(movieIds) };
    this.#open = open;
    return open;
  }

  /** Never rejects. */
  async #ask(movieIds: number[]): Promise<number[]> {
    const askedAt = performance.now();
    const take = () => {
      // Sent now: whoever comes from here on begins another.
      if (this.#open?.movieIds === movieIds) this.#open = undefined;
      return { movieIds };
    };
    const question = new JoinedInput(() => movieIds.length, take);
    try {
      const { likes } = await this.#caller.ask(ranking.likesOf, question, { timeoutMs: patienceMs });
      return likes.map((count) => count ?? 0);
    } catch (error) {
      // A replica of before has no such operation.
      if (isNotFound(error)) return this.#askEach(movieIds, patienceMs - (performance.now() - askedAt));
      return this.#failed();
    }
  }

  async #askEach(movieIds: number[], timeoutMs: number): Promise<number[]> {
    try {
      return await Promise.all(
        movieIds.map(async (movieId) => {
          try {
            return (await this.#caller.ask(ranking.likes, { movieId }, { timeoutMs })).likes;
          } catch (error) {
            // Ranking's view may not have a movie yet that was added a moment ago.
            if (isNotFound(error)) return 0;
            throw error;
          }
        }),
      );
    } catch {
      return this.#failed();
    }
  }

  #failed(): [] {
    this.#pausedUntil = performance.now() + pauseMs;
    return [];
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof AppError && error.code === 'not_found';
}
