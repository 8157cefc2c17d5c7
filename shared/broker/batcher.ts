/** Groups items that are added at the same time: requests, replies, and messages that are published or applied. */
export interface BatcherOptions<T> {
  /**
   * Processes a batch, which counts as concurrent until the promise resolves. Must settle whatever waits for the items,
   * and must never throw or reject.
   */
  run: (items: T[]) => Promise<void> | void;
  /** Maximum items of a batch. Like `maxBytes` and `maxConcurrent`, unlimited by default. */
  maxItems?: number;
  /** Maximum bytes, by `sizeOf`, of a batch with several items. */
  maxBytes?: number;
  sizeOf?: (item: T) => number;
  /** How long an item waits that was added with `moreToCome`. */
  lingerMs?: number;
  /** Maximum batches that run at once: 1 makes the largest batches, 2 keep the other side busy. */
  maxConcurrent?: number;
}

/**
 * Collects the items of one turn of the event loop and runs them as one batch, or a few. A single item waits only until
 * the end of its turn, and a batch that reaches `maxBytes` runs at once. While `maxConcurrent` batches run, further
 * items are collected for the next one.
 * @example
 * const votes = new Batcher<Vote>({ run: (batch) => storeAll(batch), maxItems: 500, maxConcurrent: 2 });
 * votes.add(vote);
 */
export class Batcher<T> {
  readonly #options: BatcherOptions<T>;
  #waiting: T[] = [];
  #bytes = 0;
  #running = 0;
  #scheduled = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BatcherOptions<T>) {
    this.#options = options;
  }

  /** @param moreToCome whether the item may wait up to `lingerMs`, because more items are known to follow */
  add(item: T, moreToCome = false): void {
    const { maxBytes = Number.POSITIVE_INFINITY, sizeOf, lingerMs } = this.#options;
    const bytes = sizeOf?.(item) ?? 0;
    if (this.#bytes + bytes > maxBytes) this.flush();
    this.#bytes += bytes;
    this.#waiting.push(item);
    if (moreToCome) this.#timer ??= setTimeout(() => this.flush(), lingerMs);
    else this.#schedule();
  }

  /** Runs the waiting items now, as far as `maxConcurrent` allows. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#mayRun) {
      const running = this.#options.run(this.#take());
      if (running instanceof Promise) void this.#watch(running);
    }
  }

  /** By setImmediate, so that everything read from sockets in the same turn of the event loop joins the batch. */
  #schedule(): void {
    if (this.#scheduled || !this.#mayRun) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  get #mayRun(): boolean {
    return this.#waiting.length > 0 && this.#running < (this.#options.maxConcurrent ?? Number.POSITIVE_INFINITY);
  }

  async #watch(running: Promise<void>): Promise<void> {
    this.#running++;
    await running;
    this.#running--;
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
 * Turns a function for lists into one for single items, which are batched. Each item gets its own result, which may be
 * a promise; when `work` throws, all items of the batch fail with that error.
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
