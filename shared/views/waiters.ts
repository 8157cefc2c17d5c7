/** Those who wait until something is so, and those who wait until the view worker has written what they need. */
import { AppError } from '../operations/errors.ts';

interface Waiter {
  condition: () => boolean;
  resolve: (met: boolean) => void;
  timer: NodeJS.Timeout | undefined;
}

export class Waiters {
  readonly #waiting = new Set<Waiter>();
  #cancelled = false;

  /** Resolves to true when a condition is met, now or at a `check`; to false after `timeoutMs`, or when all are cancelled. */
  wait(condition: () => boolean, timeoutMs?: number): Promise<boolean> {
    if (condition()) return Promise.resolve(true);
    if (this.#cancelled) return Promise.resolve(false);
    return new Promise((resolve) => {
      const late = (): void => this.#end(waiter, false);
      const timer = timeoutMs === undefined ? undefined : setTimeout(late, Math.max(timeoutMs, 0));
      const waiter: Waiter = { condition, resolve, timer };
      this.#waiting.add(waiter);
    });
  }

  /** To be called when a condition may have come to be met. */
  check(): void {
    for (const waiter of this.#waiting) if (waiter.condition()) this.#end(waiter, true);
  }

  /** Ends every wait with false, also those to come. */
  cancelAll(): void {
    this.#cancelled = true;
    for (const waiter of this.#waiting) this.#end(waiter, false);
  }

  #end(waiter: Waiter, met: boolean): void {
    clearTimeout(waiter.timer);
    this.#waiting.delete(waiter);
    waiter.resolve(met);
  }
}

/** Requests that wait until the view worker has written the rows that their answers need. */
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
