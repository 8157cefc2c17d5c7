/** Keeps a task running that needs the connection: it is started again whenever it ends, fails, or the broker was away. */
import type { Connection, Link } from './connection.ts';

export interface SupervisorOptions {
  connection: Connection;
  /**
   * One run of the task: returns or throws when it has to be started again.
   * @param endedBy is given the function that makes it return soon, for a lost connection or the end of the supervisor
   */
  task(link: Link, endedBy: (end: () => void) => void): Promise<void>;
  /** Called with the reason when a run failed. */
  failed(error: unknown): void;
}

const firstPauseMs = 50;
const longestPauseMs = 1000;
/** A run of this length did not fail at its start: the next pause is short again. */
const healthyAfterMs = 5000;

/** Runs a task again and again until it is disposed; then waits for the last run to end. */
export class Supervisor implements AsyncDisposable {
  readonly #options: SupervisorOptions;
  readonly #running: Promise<void>;
  #stopped = false;
  #end: (() => void) | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#end?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { connection } = this.#options;
    const unsubscribe = connection.onReconnect(() => this.#end?.());
    let pauseMs = firstPauseMs;
    try {
      await this.#unlessStopped(connection.first);
      while (!this.#stopped) {
        const startedAt = performance.now();
        await this.#runOnce();
        if (performance.now() - startedAt > healthyAfterMs) pauseMs = firstPauseMs;
        await this.#unlessStopped(new Promise((resolve) => setTimeout(resolve, pauseMs)));
        pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      }
    } finally {
      unsubscribe();
    }
  }

  async #runOnce(): Promise<void> {
    const { connection, task } = this.#options;
    try {
      await task(connection.link, (end) => {
        this.#end = end;
        if (this.#stopped) end();
      });
    } catch (error) {
      if (!this.#stopped) this.#report(error);
    } finally {
      this.#end = undefined;
    }
  }

  /** An error in `failed` itself must not end the task. */
  #report(error: unknown): void {
    try {
      this.#options.failed(error);
    } catch {
      // The next run reports again.
    }
  }

  /** Waits for a promise to settle, or for the supervisor to be disposed. */
  async #unlessStopped(promise: Promise<unknown>): Promise<void> {
    if (this.#stopped) return;
    const ended = new Promise<void>((resolve) => {
      this.#end = resolve;
    });
    await Promise.race([promise.catch(() => {}), ended]);
    this.#end = undefined;
  }
}
