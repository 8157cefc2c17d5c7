/** Keeps a task going that lives on a connection: it is begun again whenever it ends, fails, or the broker was away. */
import type { Connection, Link } from './connection.ts';

export interface SupervisorOptions {
  connection: Connection;
  /**
   * One life of the task: returns or throws when another has to begin.
   * @param endedBy takes what makes it return soon, for when the connection was lost or nobody wants it any more
   */
  task(link: Link, endedBy: (end: () => void) => void): Promise<void>;
  /** Hears why a life failed. */
  failed(error: unknown): void;
}

const firstPauseMs = 50;
const longestPauseMs = 1000;
/** A life that was as long has not failed at its beginning: the next pause is short again. */
const soundAfterMs = 5000;

/** Runs the lives of a task one after another until it is disposed; then waits for the last. */
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
    const forget = connection.onReconnect(() => this.#end?.());
    let pauseMs = firstPauseMs;
    try {
      await this.#unlessStopped(connection.first);
      while (!this.#stopped) {
        const startedAt = performance.now();
        await this.#live();
        if (performance.now() - startedAt > soundAfterMs) pauseMs = firstPauseMs;
        await this.#unlessStopped(new Promise((resolve) => setTimeout(resolve, pauseMs)));
        pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      }
    } finally {
      forget();
    }
  }

  async #live(): Promise<void> {
    const { connection, task } = this.#options;
    try {
      await task(connection.link, (end) => {
        this.#end = end;
        if (this.#stopped) end();
      });
    } catch (error) {
      if (!this.#stopped) this.#tell(error);
    } finally {
      this.#end = undefined;
    }
  }

  /** Whoever hears of it may fail in the same way: that must not be the end of the task. */
  #tell(error: unknown): void {
    try {
      this.#options.failed(error);
    } catch {
      // The next life says it again.
    }
  }

  /** Waits for a promise, or for the end. */
  async #unlessStopped(promise: Promise<unknown>): Promise<void> {
    if (this.#stopped) return;
    const ended = new Promise<void>((resolve) => {
      this.#end = resolve;
    });
    await Promise.race([promise.catch(() => {}), ended]);
    this.#end = undefined;
  }
}
