/** Work that may have to wait, done in shares and by turns: the process and other callers need not wait for all that one asks. */

/**
 * After so much of it the event loop goes round, for timers and for what others have sent: one share for all queues of the
 * process. The last job of a share may go on past its end.
 */
const shareMs = 6;

type Job = () => void;

/** Queues that have work, the next one first. */
const waiting = new Set<TurnQueue>();
/** When this turn's share of work is used up, by performance.now(); undefined before its first job. */
let shareEnds: number | undefined;

function mayWork(): boolean {
  const now = performance.now();
  if (shareEnds === undefined) {
    shareEnds = now + shareMs;
    setImmediate(nextTurn);
  }
  return now < shareEnds;
}

function nextTurn(): void {
  shareEnds = undefined;
  // What is added again meanwhile comes again at the end.
  for (const queue of waiting) {
    if (!mayWork()) return;
    waiting.delete(queue);
    queue.doNext();
  }
}

export class TurnQueue {
  /** Jobs by their caller. Whose turn is next is first: who had one stands behind all others, and before who comes later. */
  readonly #jobs = new Map<unknown, Job[]>();
  /** The rest of what has begun. */
  readonly #rest: Job[] = [];

  /**
   * Does a job: at once where nothing waits and this turn's share reaches, or else in a later turn of the event loop, those of
   * each caller in order, and one by one in turn with other callers. A job must not throw.
   * @param caller who asks, by any value
   */
  add(caller: unknown, job: Job): void {
    if (this.#size === 0 && mayWork()) {
      job();
      return;
    }
    const jobs = this.#jobs.get(caller);
    if (jobs) jobs.push(job);
    else this.#jobs.set(caller, [job]);
    waiting.add(this);
  }

  /**
   * Resolves in a turn of the event loop in which no other job is done after it: for work that follows something awaited.
   * Without a caller it is the rest of what has begun, which goes before all that has not: else that would end too late.
   */
  turn(caller?: unknown): Promise<void> {
    return new Promise((resolve) => {
      const job = (): void => {
        resolve();
        shareEnds = 0;
      };
      if (caller !== undefined) this.add(caller, job);
      else {
        this.#rest.push(job);
        waiting.add(this);
        mayWork();
      }
    });
  }

  doNext(): void {
    const rest = this.#rest.shift();
    const [first] = rest ? [] : this.#jobs;
    if (first) {
      const [caller, jobs] = first;
      this.#jobs.delete(caller);
      if (jobs.length > 1) this.#jobs.set(caller, jobs);
      jobs.shift()?.();
    } else rest?.();
    if (this.#size > 0) waiting.add(this);
  }

  /** Resolves when nothing waits. */
  async drained(): Promise<void> {
    while (this.#size > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  get #size(): number {
    return this.#jobs.size + this.#rest.length;
  }
}
