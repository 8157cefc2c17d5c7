/** Keeps a task running that needs the connection: it is started again whenever it ends, fails, or the broker was away. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Connection, Link } from './connection.ts';

interface SupervisorOptions {
  connection: Connection;
  /** One run of the task: returns or throws when it has to be started again, and soon when `ended` is aborted. */
  task(link: Link, ended: AbortSignal): Promise<void>;
  /** Called with the reason when a run failed. */
  failed(error: unknown): void;
}

const firstPauseMs = 50;
const longestPauseMs = 1000;
/** A run of this length did not fail at its start: the next pause is short again. */
const healthyAfterMs = 5000;

/** Runs a task again and again until it is disposed; then waits for the last run to end. */
export function keepRunning({ connection, task, failed }: SupervisorOptions): AsyncDisposable {
  const disposed = new AbortController();
  const run = async (): Promise<void> => {
    let pauseMs = firstPauseMs;
    while (!disposed.signal.aborted) {
      const changed = new AbortController();
      const unsubscribe = connection.onChange(() => changed.abort());
      const ended = AbortSignal.any([disposed.signal, changed.signal]);
      const startedAt = performance.now();
      const once = async (): Promise<void> => task(connection.link, ended);
      const told = once().catch((error: unknown) => disposed.signal.aborted || failed(error));
      // An error in `failed` itself must not end the task: the next run reports again.
      await told.catch(() => {});
      if (performance.now() - startedAt > healthyAfterMs) pauseMs = firstPauseMs;
      await pause(pauseMs, undefined, { signal: ended }).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      unsubscribe();
    }
  };
  const running = run();
  return {
    [Symbol.asyncDispose]() {
      disposed.abort();
      return running;
    },
  };
}
