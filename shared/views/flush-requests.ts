/** Requests that wait until the view worker has written the rows that their answers need. */
import { AppError } from '../operations/errors.ts';
import type { Waiters } from './waiters.ts';

export class FlushRequests {
  readonly #waiters: Waiters;
  readonly #tell: (ticket: number, request: unknown) => void;
  #lastTicket = 0;
  /** Those asked for since the worker last said something: nothing they should show has come since. */
  readonly #asked = new Map<string, Promise<void>>();
  /** What the worker was asked to write: whether it has, when it has answered. */
  readonly #written = new Map<number, boolean | undefined>();

  /** @param tell asks the worker, which answers with the same ticket */
  constructor(waiters: Waiters, tell: (ticket: number, request: unknown) => void) {
    this.#waiters = waiters;
    this.#tell = tell;
  }

  /**
   * Waits until what a request needs is written.
   * @param deadline milliseconds since 1970
   * @throws AppError unavailable when it is not by then, or cannot be
   */
  wait(request: unknown, deadline: number): Promise<void> {
    const key = JSON.stringify(request);
    const asked = this.#asked.get(key) ?? this.#ask(request, deadline);
    this.#asked.set(key, asked);
    asked.catch(() => this.#asked.delete(key));
    return asked;
  }

  /** The worker has answered. */
  answered(ticket: number, written: boolean): void {
    if (this.#written.has(ticket)) this.#written.set(ticket, written);
  }

  /** The worker has told of a change: the next request is asked anew. */
  changed(): void {
    this.#asked.clear();
  }

  async #ask(request: unknown, deadline: number): Promise<void> {
    const ticket = ++this.#lastTicket;
    this.#written.set(ticket, undefined);
    this.#tell(ticket, request);
    await this.#waiters.wait(() => this.#written.get(ticket) !== undefined, deadline - Date.now());
    const written = this.#written.get(ticket);
    this.#written.delete(ticket);
    if (!written) throw new AppError('unavailable', 'The view is behind.');
  }
}
