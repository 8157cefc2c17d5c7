/** Keeps a task running that needs the connection: restarts it when it ends or fails, or the connection changes. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Connection, Link } from './connection.ts';

interface SupervisorOptions {
  connection: Connection;
  /** Runs the task once. Returns or throws when the task must be restarted, and soon after `ended` was aborted. */
  task(link: Link, ended: AbortSignal): Promise<void>;
  /** Called with the reason when a run failed. */
  failed(error: unknown): void;
}

const firstPauseMs = 50;
const longestPauseMs = 1000;
/** After a run of at least this length the next pause is short again. */
const healthyAfterMs = 5000;

/** Runs a task repeatedly until disposed; disposing waits for the last run to end. */
export function keepRunning({ connection, task, failed }: SupervisorOptions): AsyncDisposable {
  const disposed = new AbortController();
  const run = async (): Promise<void> => {
    let pauseMs = firstPauseMs;
    while (!disposed.signal.aborted) {
      const changed = new AbortController();
      const unsubscribe = connection.onChange(() => changed.abort());
      const ended = AbortSignal.any([disposed.signal, changed.signal]);
      const startedAt = performance.now();
      const runOnce = async (): Promise<void> => task(connection.link, ended);
      await runOnce()
        .catch((error: unknown) => disposed.signal.aborted || failed(error))
        // An error in `failed` must not end the loop. The next failure is reported again.
        .catch(() => {});
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
