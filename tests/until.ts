/** Waiting for a condition, never for time. */
import { setTimeout as sleep } from 'node:timers/promises';

const limitMs = 30_000;

/**
 * Waits until `condition` gives something that is true and returns it. A condition that throws does not hold yet.
 * @throws Error that says what was waited for, with the last error of the condition as its cause.
 * @example await until(async () => (await http.get(`${url}/movies/1`)).status === 200, 'movie 1 to be shown');
 */
export async function until<T>(condition: () => T | Promise<T>, what: string): Promise<NonNullable<T>> {
  const deadline = Date.now() + limitMs;
  let cause: unknown;
  while (Date.now() < deadline) {
    try {
      const result = await condition();
      if (result) return result as NonNullable<T>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await sleep(10);
  }
  throw new Error(`waited ${limitMs / 1000} s for ${what}`, { cause });
}
