/** How many requests are worked on at once. */
import { AppError } from '../operations/errors.ts';

export class ConcurrencyLimit {
  readonly #most: number;
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Takes a place. @throws AppError unavailable where there is none */
  acquire(): void {
    if (this.#taken >= this.#most) throw new AppError('unavailable', 'Too many requests at once.');
    this.#taken++;
  }

  release(): void {
    this.#taken--;
  }
}
