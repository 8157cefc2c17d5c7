/** Group commit: what comes in while a commit is under way goes out together in the next one. */

export interface GroupOptions<T> {
  /** Most items of one commit. */
  maxItems: number;
  /** Most bytes of one commit, by `sizeOf`. */
  maxBytes: number;
  sizeOf: (item: T) => number;
  /** Items of one key are never on their way together, so that the second sees the outcome of the first. */
  keyOf?: (item: T) => string | undefined;
  /** Commits under way at once: 1 makes the largest groups, 2 keeps whoever commits busy. 1 unless told. */
  parallel?: number;
  /**
   * So many go out at once, without waiting for the end of the turn of the event loop; and while a commit is under way no
   * fewer go out beside it. Where it is not told all wait for the end of the turn, and any number goes out.
   */
  enough?: number;
}

interface Waiting<T, R> {
  item: T;
  resolve: (result: R) => void;
  reject: (error: unknown) => void;
}

/**
 * Runs `commit` for groups of items, one group at a time or a few. A lone item goes out at once; under load a group is
 * whatever came during the commit before it, so waiting is never added.
 * @example
 * const votes = new Group(async (batch) => publishAll(batch), { maxItems: 500, maxBytes: 400_000, sizeOf: () => 80 });
 * await votes.add(vote);
 */
export class Group<T, R> {
  readonly #commit: (items: T[]) => Promise<PromiseSettledResult<R>[]>;
  readonly #options: GroupOptions<T>;
  #waiting: Waiting<T, R>[] = [];
  readonly #keysUnderWay = new Set<string>();
  #underWay = 0;
  #scheduled = false;

  constructor(commit: (items: T[]) => Promise<PromiseSettledResult<R>[]>, options: GroupOptions<T>) {
    this.#commit = commit;
    this.#options = options;
  }

  /** Number of items that no commit has taken yet. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Resolves or rejects with the item's own outcome. */
  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#options.enough !== undefined && this.#waiting.length >= this.#options.enough) this.#fill();
      else this.#soon();
    });
  }

  /** Requests read from sockets in the same turn of the event loop join a group. */
  #soon(): void {
    if (this.#scheduled || !this.#mayCommit) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#fill();
    });
  }

  get #mayCommit(): boolean {
    const { parallel = 1, enough = 1 } = this.#options;
    return this.#underWay === 0 || (this.#underWay < parallel && this.#waiting.length >= enough);
  }

  /** Starts as many commits as there may be. */
  #fill(): void {
    while (this.#mayCommit) {
      const group = this.#take();
      if (group.length === 0) return;
      this.#underWay++;
      void this.#run(group);
    }
  }

  /** Never rejects. */
  async #run(group: Waiting<T, R>[]): Promise<void> {
    let outcomes: PromiseSettledResult<R>[];
    try {
      outcomes = await this.#commit(group.map((waiting) => waiting.item));
    } catch (reason) {
      outcomes = group.map(() => ({ status: 'rejected', reason }));
    }
    group.forEach((waiting, index) => {
      const outcome = outcomes[index];
      if (outcome?.status === 'fulfilled') waiting.resolve(outcome.value);
      else waiting.reject(outcome?.reason);
      const key = this.#options.keyOf?.(waiting.item);
      if (key !== undefined) this.#keysUnderWay.delete(key);
    });
    this.#underWay--;
    if (this.#waiting.length > 0) this.#soon();
  }

  #take(): Waiting<T, R>[] {
    const { maxItems, maxBytes, sizeOf, keyOf } = this.#options;
    const group: Waiting<T, R>[] = [];
    const rest: Waiting<T, R>[] = [];
    let bytes = 0;
    let full = false;
    for (const waiting of this.#waiting) {
      const key = keyOf?.(waiting.item);
      const size = sizeOf(waiting.item);
      full ||= group.length >= maxItems || (group.length > 0 && bytes + size > maxBytes);
      if (full || (key !== undefined && this.#keysUnderWay.has(key))) {
        rest.push(waiting);
        continue;
      }
      if (key !== undefined) this.#keysUnderWay.add(key);
      bytes += size;
      group.push(waiting);
    }
    this.#waiting = rest;
    return group;
  }
}
