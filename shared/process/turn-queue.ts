/** Fair scheduling: limits the work per event-loop turn, so that nobody waits for everything that one caller wants. */

/**
 * Time for the jobs of one event-loop turn, shared by all queues of the process. Timers and sockets are served between
 * turns. A job that starts in time may run past the end.
 */
const turnMs = 6;

type Job = () => void;

/** Queues with pending jobs, next one first. */
const pending = new Set<TurnQueue>();
/** End of this turn's time by performance.now(); undefined before the turn's first job. */
let turnEnds: number | undefined;

/** Returns whether this turn has time for another job. The first call of a turn schedules the next one. */
function hasTime(): boolean {
  const now = performance.now();
  if (turnEnds === undefined) {
    turnEnds = now + turnMs;
    setImmediate(runTurn);
  }
  return now < turnEnds;
}

function runTurn(): void {
  turnEnds = undefined;
  // A queue that is added again during the loop is visited again at its end.
  for (const queue of pending) {
    if (!hasTime()) return;
    pending.delete(queue);
    queue.runNext();
  }
}

export class TurnQueue {
  /** Pending jobs by caller, next caller first. After a job, its caller moves to the end, ahead of new callers. */
  readonly #jobs = new Map<unknown, Job[]>();
  /** Continuations of work that has begun. */
  readonly #continuations: Job[] = [];

  /**
   * Runs a job: immediately if nothing is pending and this turn has time, otherwise in a later event-loop turn. The
   * jobs of one caller run in order, and callers take turns job by job. A job must not throw.
   * @param caller any value that identifies who asks
   */
  add(caller: unknown, job: Job): void {
    if (this.#isEmpty && hasTime()) {
      job();
      return;
    }
    const jobs = this.#jobs.get(caller);
    if (jobs) jobs.push(job);
    else this.#jobs.set(caller, [job]);
    pending.add(this);
  }

  /**
   * Resolves in an event-loop turn in which no other job starts afterwards, for code that goes on after an `await`.
   * @param caller as for `add`. Without one, the code continues work that has begun, ahead of jobs that have not:
   *   otherwise that work would finish too late
   */
  turn(caller?: unknown): Promise<void> {
    return new Promise((resolve) => {
      const job = (): void => {
        resolve();
        turnEnds = 0;
      };
      if (caller !== undefined) this.add(caller, job);
      else {
        this.#continuations.push(job);
        pending.add(this);
        // Schedules the next turn.
        hasTime();
      }
    });
  }

  runNext(): void {
    const continuation = this.#continuations.shift();
    const [next] = this.#jobs;
    if (continuation) continuation();
    else if (next) {
      const [caller, jobs] = next;
      this.#jobs.delete(caller);
      if (jobs.length > 1) this.#jobs.set(caller, jobs);
      jobs.shift()?.();
    }
    if (!this.#isEmpty) pending.add(this);
  }

  /** Resolves when nothing is pending. */
  async drained(): Promise<void> {
    while (!this.#isEmpty) await new Promise((resolve) => setImmediate(resolve));
  }

  get #isEmpty(): boolean {
    return this.#jobs.size === 0 && this.#continuations.length === 0;
  }
}
