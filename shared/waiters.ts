/** Those who wait until a view has reached a sequence of a stream. */

interface Waiter {
  sequence: number;
  resolve: (reached: boolean) => void;
  timer: NodeJS.Timeout;
}

export class Waiters {
  readonly #byStream = new Map<string, Set<Waiter>>();

  /** Resolves to true when `wake` tells of the sequence, to false after `timeoutMs`. */
  wait(stream: string, sequence: number, timeoutMs: number): Promise<boolean> {
    const waiters = this.#byStream.get(stream) ?? new Set();
    this.#byStream.set(stream, waiters);
    return new Promise((resolve) => {
      const late = (): void => {
        waiters.delete(waiter);
        resolve(false);
      };
      const waiter: Waiter = { sequence, resolve, timer: setTimeout(late, Math.max(timeoutMs, 0)) };
      waiters.add(waiter);
    });
  }

  /** Tells of the position in a stream. */
  wake(stream: string, position: number): void {
    const waiters = this.#byStream.get(stream);
    if (!waiters || waiters.size === 0) return;
    for (const waiter of waiters) {
      if (waiter.sequence > position) continue;
      waiters.delete(waiter);
      clearTimeout(waiter.timer);
      waiter.resolve(true);
    }
  }

  /** Ends every wait with false. */
  giveUp(): void {
    for (const waiters of this.#byStream.values()) {
      for (const { timer, resolve } of waiters) {
        clearTimeout(timer);
        resolve(false);
      }
      waiters.clear();
    }
  }
}
