/** Waits for conditions instead of fixed times. A wait that takes too long reports what it waited for and saw last. */
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

const limitMs = 60_000;

/** Descriptions of pending waits, reported when a test reaches its own time limit. */
const waits = new Set<() => string>();

/** Returns the pending waits, a line each. */
export function waitingFor(): string[] {
  return [...waits].map((describe) => describe());
}

/**
 * Waits until `condition` returns something truthy, and returns that. A condition that throws does not hold yet.
 * @throws Error with what was waited for, the last result, and the last error as its cause
 * @example await until(async () => (await http.get(`${url}/movies/1`)).status === 200, 'movie 1 to be shown');
 */
export async function until<T>(condition: () => T | Promise<T>, what: string): Promise<NonNullable<T>> {
  const start = performance.now();
  const poll = async (): Promise<NonNullable<T>> => {
    for (;;) {
      try {
        const result = await condition();
        if (result) return result as NonNullable<T>;
        cause = undefined;
        last = inspect(result);
      } catch (error) {
        cause = error;
        last = error instanceof Error ? error.message : inspect(error);
      }
      if (performance.now() - start > limitMs) throw new Error(describe(), { cause });
      // Poll less and less often, because a condition may be expensive.
      await sleep(Math.min(100, 10 + (performance.now() - start) / 20));
    }
  };
  let cause: unknown;
  let last = 'nothing yet';
  const describe = (): string => `waited ${seconds(start)} s for ${what}; last: ${last}`;
  waits.add(describe);
  try {
    return await poll();
  } finally {
    waits.delete(describe);
  }
}

/**
 * Waits for a promise, but not longer than `ms`.
 * @throws Error with what was waited for and the result of `reason`, when the time is up
 */
export async function within<T>(promise: Promise<T>, ms: number, what: string, reason: () => string): Promise<T> {
  const start = performance.now();
  const describe = (): string => `waited ${seconds(start)} s for ${what}; ${reason()}`;
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(describe())), ms);
  waits.add(describe);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
    waits.delete(describe);
  }
}

function seconds(start: number): string {
  return ((performance.now() - start) / 1000).toFixed(1);
}
