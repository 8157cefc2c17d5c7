/** Those who wait until something is so. */

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
