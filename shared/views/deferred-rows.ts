/**
 * Rows that follow the others of a view later. Where many transactions change the same rows, only what they are in the end has to be
 * written: ranks of a movie that a thousand viewers like in a second are moved once. Who wants to read them says so
 * (View.whole), and has them written first.
 */

/** What a projection has put off. */
export interface DeferredRows {
  /** How many things have rows to be written. What they are must be in the file too, for the next who opens it. */
  readonly size: number;
  /** Writes the rows of the oldest, at most so many of them, in a transaction of its own. */
  write(most: number): void;
}

interface Options {
  /** What the projections of a view have put off. */
  rows: DeferredRows[];
  /** Whether somebody may read the view: it has caught up once. */
  isRead(): boolean;
  /** Does work on the file. Never throws; false where that failed, and a full disk has been relieved. */
  run(work: () => void): boolean;
  /** All that was put off has been written. */
  written(): void;
}

const afterMs = 1000;
/** Takes a few milliseconds: events that come meanwhile wait as long. */
const atOnce = 256;
/** More would take whoever wants to read them too long; nobody does before a view has caught up. */
const mostWhileRead = 2000;
const mostWhileBuilt = 50_000;

export class DeferredWriter implements Disposable {
  readonly #options: Options;
  #timer: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Whether there is something to be written. */
  get pending(): boolean {
    return this.#options.rows.some(({ size }) => size > 0);
  }

  /** To be called where something may have been put off. */
  look(): void {
    const { rows, isRead, run } = this.#options;
    const most = isRead() ? mostWhileRead : mostWhileBuilt;
    for (const one of rows) if (one.size > most) run(() => one.write(one.size - most));
    if (this.pending && isRead()) this.#soon(afterMs);
  }

  /** Writes everything. Gives false where that failed. */
  writeAll(): boolean {
    const { rows, run } = this.#options;
    return rows.every((one) => {
      const write = (): boolean => run(() => one.write(one.size));
      // Somebody waits: where the disk was full there may now be as much room as the log took.
      return one.size === 0 || write() || write();
    });
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
  }

  #soon(ms: number): void {
    if (!this.#disposed) this.#timer ??= setTimeout(() => this.#writeSome(), ms);
  }

  #writeSome(): void {
    this.#timer = undefined;
    const next = this.#options.rows.find(({ size }) => size > 0);
    const failed = next !== undefined && !this.#options.run(() => next.write(atOnce));
    if (!this.pending) this.#options.written();
    else this.#soon(failed ? afterMs : 0);
  }
}
