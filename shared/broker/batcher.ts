/** Puts what comes together into batches: requests, replies, and messages on their way into a stream. */
export interface BatcherOptions<T> {
  /**
   * Sends a batch. While it has not ended the batch counts as under way. It settles whatever waits for its items, and
   * never throws or rejects.
   */
  run: (items: T[]) => Promise<void> | void;
  /** Most items of a batch. Where one of the three limits is not given there is none. */
  maxItems?: number;
  /** Most bytes of a batch of several items, by `sizeOf`. */
  maxBytes?: number;
  sizeOf?: (item: T) => number;
  /** How long an item waits that others are to follow. */
  lingerMs?: number;
  /** Batches under way at once: 1 makes the largest batches, 2 keep the other side busy. */
  maxConcurrent?: number;
}

/**
 * Collects the items of one turn of the event loop and runs them as one batch, or a few. A lone item waits for nothing
 * but the end of its turn, and a batch that has as many bytes as it may not even for that; where `maxConcurrent` holds
 * items up, the next batch is whatever came meanwhile.
 * @example
 * const votes = new Batcher<Vote>({ run: (batch) => storeAll(batch), maxItems: 500, maxConcurrent: 2 });
 * votes.add(vote);
 */
export class Batcher<T> {
  readonly #options: BatcherOptions<T>;
  #waiting: T[] = [];
  #bytes = 0;
  #underWay = 0;
  #scheduled = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BatcherOptions<T>) {
    this.#options = options;
  }

  /** @param moreToCome whether it may wait for others that are known to follow */
  add(item: T, moreToCome = false): void {
    const { maxBytes = Number.POSITIVE_INFINITY, sizeOf, lingerMs } = this.#options;
    const bytes = sizeOf?.(item) ?? 0;
    if (this.#bytes + bytes > maxBytes) this.flush();
    this.#bytes += bytes;
    this.#waiting.push(item);
    if (moreToCome) this.#timer ??= setTimeout(() => this.flush(), lingerMs);
    else this.#schedule();
  }

  /** Runs what waits, as far as it may run now. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#mayRun) {
      const running = this.#options.run(this.#take());
      if (running instanceof Promise) void this.#watch(running);
    }
  }

  /** What is read from sockets in the same turn of the event loop joins the batch. */
  #schedule(): void {
    if (this.#scheduled || !this.#mayRun) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  get #mayRun(): boolean {
    return this.#waiting.length > 0 && this.#underWay < (this.#options.maxConcurrent ?? Number.POSITIVE_INFINITY);
  }

  async #watch(running: Promise<void>): Promise<void> {
    this.#underWay++;
    await running;
    this.#underWay--;
    this.#schedule();
  }

  #take(): T[] {
    const { maxItems = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY, sizeOf } = this.#options;
    let taken = 0;
    let bytes = 0;
    for (const item of this.#waiting) {
      const size = sizeOf?.(item) ?? 0;
      if (taken >= maxItems || (taken > 0 && bytes + size > maxBytes)) break;
      bytes += size;
      taken++;
    }
    this.#bytes -= bytes;
    return this.#waiting.splice(0, taken);
  }
}

/**
 * Does for items that come together what `work` does for a list of them. Each gets its own result, which may be a promise;
 * where `work` throws, all of them fail with that.
 * @example
 * const likesOf = batched((movieIds: number[]) => askRanking(movieIds), { maxItems: 500 });
 * const likes = await likesOf(1);
 */
export function batched<T, R>(
  work: (items: T[]) => Promise<(R | Promise<R>)[]>,
  { sizeOf, ...options }: Omit<BatcherOptions<T>, 'run'>,
): (item: T) => Promise<R> {
  const batcher = new Batcher<{ item: T } & Omit<PromiseWithResolvers<R>, 'promise'>>({
    ...options,
    ...(sizeOf ? { sizeOf: ({ item }) => sizeOf(item) } : {}),
    async run(batch) {
      try {
        const results = await work(batch.map(({ item }) => item));
        for (const [index, { resolve }] of batch.entries()) resolve(results[index] as R | Promise<R>);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    },
  });
  return (item) => new Promise((resolve, reject) => batcher.add({ item, resolve, reject }));
}
