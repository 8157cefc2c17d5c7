/** Work that comes in bursts, done in order and in shares, so that the rest of the process gets its turns. */

/** After so much of it the event loop goes round once, for timers and for what others have sent. */
const shareMs = 25;

export class TurnQueue {
  #waiting: (() => void)[] = [];
  /** When this turn's share of work is used up, by performance.now(); undefined before its first job. */
  #shareEnds: number | undefined;

  /** Jobs that wait for another turn. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Does a job, which must not throw: at once, or in a later turn when this one has had its share. */
  add(job: () => void): void {
    if (this.#waiting.length > 0 || !this.#mayWork()) this.#waiting.push(job);
    else job();
  }

  /** Resolves when nothing waits. */
  async drained(): Promise<void> {
    while (this.#waiting.length > 0) await new Promise((resolve) => setImmediate(resolve));
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
    const waiting = this.#waiting;
    let done = 0;
    while (done < waiting.length && this.#mayWork()) waiting[done++]?.();
    this.#waiting = waiting.slice(done);
  }
}
