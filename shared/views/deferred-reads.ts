/** Queries that wait until rows that were to follow are there (deferred-rows.ts). */
import { AppError } from '../operations/errors.ts';

export class DeferredReads {
  #asked: PromiseWithResolvers<boolean> | undefined;

  /**
   * Waits for `ended`. `ask` asks for the rows, once for all who wait.
   * @throws AppError unavailable at the deadline (milliseconds since 1970), and where they cannot be written
   */
  async wait(deadline: number, ask: () => void): Promise<void> {
    if (!this.#asked) {
      this.#asked = Promise.withResolvers();
      ask();
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(resolve, Math.max(deadline - Date.now(), 0), false);
    void this.#asked.promise.then(resolve);
    const written = await promise;
    clearTimeout(timer);
    if (!written) throw new AppError('unavailable', 'The view is behind.');
  }

  /** The rows are there, or nobody will write them. */
  ended(written: boolean): void {
    this.#asked?.resolve(written);
    this.#asked = undefined;
  }
}
