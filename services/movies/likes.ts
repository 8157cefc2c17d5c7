/** The likes of a movie, which belong to ranking. A movie is shown without them rather than late. */
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
    } catch {
      this.#pausedUntil = performance.now() + pauseMs;
      return null;
    }
  }
}
