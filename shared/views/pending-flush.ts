/** Queries that wait until rows that projections have left for later are written (Projection.flush). */
import { AppError } from '../operations/errors.ts';
import { within } from '../process/within.ts';

export class PendingFlush {
  #asked: PromiseWithResolvers<void> | undefined;

  /**
   * Waits for `ended`. `ask` asks for the rows, once for all who wait.
   * @param deadline milliseconds since 1970
   * @throws AppError unavailable when they are not there by then, or cannot be written
   */
  async wait(deadline: number, ask: () => void): Promise<void> {
    if (!this.#asked) {
      this.#asked = Promise.withResolvers();
      this.#asked.promise.catch(() => {});
      ask();
    }
    const asked = this.#asked;
    await within(asked.promise, deadline - Date.now());
    if (this.#asked === asked) throw behind();
  }

  /** The rows are there, or nobody will write them. */
  ended(written: boolean): void {
    if (written) this.#asked?.resolve();
    else this.#asked?.reject(behind());
    this.#asked = undefined;
  }
}

function behind(): AppError {
  return new AppError('unavailable', 'The view is behind.');
}
