/** Callers that wait until a condition is met. */

interface Waiter {
  condition: () => boolean;
  resolve: (met: boolean) => void;
  timer: NodeJS.Timeout | undefined;
}

export class Waiters {
  readonly #waiting = new Set<Waiter>();
  #cancelled = false;

  /** Resolves to true once the condition is met, now or at a `check`; to false after `timeoutMs` or on `cancelAll`. */
  wait(condition: () => boolean, timeoutMs?: number): Promise<boolean> {
    if (condition()) return Promise.resolve(true);
    if (this.#cancelled) return Promise.resolve(false);
    return new Promise((resolve) => {
      const onTimeout = (): void => this.#end(waiter, false);
      const timer = timeoutMs === undefined ? undefined : setTimeout(onTimeout, Math.max(timeoutMs, 0));
      const waiter: Waiter = { condition, resolve, timer };
      this.#waiting.add(waiter);
    });
  }

  /** Re-evaluates the conditions. To be called whenever one may have become true. */
  check(): void {
    for (const waiter of this.#waiting) if (waiter.condition()) this.#end(waiter, true);
  }

  /** Resolves every wait to false, including later ones whose condition is not already met. */
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
