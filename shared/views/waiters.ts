/** Those who wait until a view has reached a sequence of a stream. */

import type { StreamPosition } from '../broker/stream-identity.ts';

/** Whether a stream is the one that is meant, by its identity. */
export type SameStream = (created: string) => boolean;

interface Waiter {
  sequence: number;
  meant: SameStream | undefined;
  resolve: (reached: boolean) => void;
  timer: NodeJS.Timeout;
}

export class Waiters {
  readonly #byStream = new Map<string, Set<Waiter>>();

  /** Resolves to true when `wake` tells of the sequence, to false after `timeoutMs`. */
  wait(stream: string, sequence: number, timeoutMs: number, meant?: SameStream): Promise<boolean> {
    const waiters = this.#byStream.get(stream) ?? new Set();
    this.#byStream.set(stream, waiters);
    return new Promise((resolve) => {
      const late = (): void => {
        waiters.delete(waiter);
        resolve(false);
      };
      const waiter: Waiter = { sequence, meant, resolve, timer: setTimeout(late, Math.max(timeoutMs, 0)) };
      waiters.add(waiter);
    });
  }

  /** Tells of the position in a stream. */
  wake(stream: string, position: StreamPosition): void {
    const waiters = this.#byStream.get(stream);
    if (!waiters || waiters.size === 0) return;
    for (const waiter of waiters) {
      if (!hasReached(position, waiter.sequence, waiter.meant)) continue;
      waiters.delete(waiter);
      clearTimeout(waiter.timer);
      waiter.resolve(true);
    }
  }

  /** Ends every wait with false. */
  cancelAll(): void {
    for (const waiters of this.#byStream.values()) {
      for (const { timer, resolve } of waiters) {
        clearTimeout(timer);
        resolve(false);
      }
      waiters.clear();
    }
  }
}

/** Whether a position is at or behind a sequence, of the stream that is meant. */
export function hasReached(position: StreamPosition | undefined, sequence: number, meant?: SameStream): boolean {
  if (!position) return sequence === 0 && !meant;
  return position.sequence >= sequence && (meant?.(position.created) ?? true);
}
