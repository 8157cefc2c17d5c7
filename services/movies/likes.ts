/** The likes of a movie, which belong to ranking. A movie is shown without them rather than late. */
import { AppError } from '../../shared/errors.ts';
import type { Caller } from '../../shared/rpc.ts';
import { ranking } from '../ranking/contract.ts';

const patienceMs = 400;
const pauseMs = 1000;

/** Asks ranking. After a failure it is left alone for a second, so that its absence costs the others nothing. */
export class Likes {
  readonly #caller: Caller;
  #pausedUntil = 0;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Likes of a movie; null while ranking cannot be asked. Never rejects. */
  async of(movieId: number): Promise<number | null> {
    if (performance.now() < this.#pausedUntil) return null;
    try {
      return (await this.#caller.ask(ranking.likes, { movieId }, { timeoutMs: patienceMs })).likes;
    } catch (error) {
      // Ranking's view may not have a movie yet that was added a moment ago.
      if (error instanceof AppError && error.code === 'not_found') return 0;
      this.#pausedUntil = performance.now() + pauseMs;
      return null;
    }
  }
}
