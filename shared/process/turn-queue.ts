/** Work that comes in batches, done in shares and by turns: the process and other batches need not wait for a long one. */

/**
 * After so much of it the event loop goes round, for timers and for what others have sent. In one round of it the queue of HTTP
 * and that of NATS may have a share each, and the last job of a share may go on past its end.
 */
const shareMs = 6;

type Job = () => void;

export class TurnQueue {
  /** What is left of batches: of those that have not had a turn yet, and of the others. */
  readonly #fresh: Job[][] = [];
  readonly #begun: Job[][] = [];
  #taken = 0;
  /** When this turn's share of work is used up, by performance.now(); undefined before its first job. */
  #shareEnds: number | undefined;

  /**
   * Does the jobs of a batch, in order: at once as far as this turn's share reaches, the others in later turns of the event
   * loop, one by one in turn with other batches. A job must not throw.
   */
  add(jobs: Job[]): void {
    let done = 0;
    while (this.#size === 0 && done < jobs.length && this.#mayWork()) jobs[done++]?.();
    if (done < jobs.length) (done === 0 ? this.#fresh : this.#begun).push(jobs.slice(done));
  }

  /** Resolves when nothing waits. */
  async drained(): Promise<void> {
    while (this.#size > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  get #size(): number {
    return this.#fresh.length + this.#begun.length;
  }

  #mayWork(): boolean {
    const now = performance.now();
    if (this.#shareEnds === undefined) {
      this.#shareEnds = now + shareMs;
      setImmediate(() => this.#nextTurn());
    }
    return now < this.#shareEnds;
  }

  #nextTurn(): void {
    this.#shareEnds = undefined;
    while (this.#size > 0 && this.#mayWork()) {
      // A new batch has its first job done soon, and yet many of them do not hold up the others for good.
      const isFresh = this.#begun.length === 0 || (this.#fresh.length > 0 && this.#taken++ % 2 === 0);
      const jobs = (isFresh ? this.#fresh : this.#begun).shift() ?? [];
      jobs.shift()?.();
      if (jobs.length > 0) this.#begun.push(jobs);
    }
  }
}
