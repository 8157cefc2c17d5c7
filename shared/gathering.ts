/** What is sent together: what comes in one turn of the event loop, and what comes in the next when it is a crowd. */

/** So many in one turn are a crowd: more of it is being read, while a turn costs little beside a message. */
const crowd = 4;

/** A question that others join until it is sent. */
export class JoinedInput<I> {
  readonly #size: () => number;
  readonly #take: () => I;

  /** `take` makes the input of all that have joined; it is called once, when the question is sent. */
  constructor(size: () => number, take: () => I) {
    this.#size = size;
    this.#take = take;
  }

  /** How many have joined. */
  get size(): number {
    return this.#size();
  }

  take(): I {
    return this.#take();
  }
}

/**
 * Gathers items and hands them over. Alone or few, they go at the end of the turn of the event loop in which the first
 * came; a crowd waits for one turn more, in which most of the rest of it comes (bench/LOG.md).
 */
export class Gathering<T> {
  readonly #sizeOf: (item: T) => number;
  readonly #send: (items: T[]) => void;
  #items: T[] = [];

  /** `sizeOf` tells how many requests an item stands for. */
  constructor(sizeOf: (item: T) => number, send: (items: T[]) => void) {
    this.#sizeOf = sizeOf;
    this.#send = send;
  }

  add(item: T): void {
    if (this.#items.push(item) > 1) return;
    setImmediate(() => {
      if (this.#isCrowd()) setImmediate(() => this.#hand());
      else this.#hand();
    });
  }

  #isCrowd(): boolean {
    let size = 0;
    for (const item of this.#items) size += this.#sizeOf(item);
    return size >= crowd;
  }

  #hand(): void {
    const items = this.#items;
    this.#items = [];
    this.#send(items);
  }
}
