/** What is sent together: what comes in one turn of the event loop, or in two when it is a crowd. */

/** So many in one turn are a crowd: more of it is being read, while a turn costs little beside a message. */
const crowd = 4;
/** A large crowd goes in about so many messages, so that those who are asked begin while the rest of it is still being read. */
const parts = 3;
/** Fewer items are no message of their own before the turn ends: it costs as much as several of them. */
const leastPart = 32;
/** What is left, with each message, of the size that the crowd had. */
const remembered = 0.95;

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
 * came; a crowd waits for one turn more, in which most of the rest of it comes. While nothing is under way the first part
 * of a large crowd goes at once: otherwise both sides would wait for each other in turn (bench/LOG.md).
 */
export class RequestBurst<T> {
  readonly #sizeOf: (item: T) => number;
  readonly #send: (items: T[]) => void;
  #items: T[] = [];
  #scheduled = false;
  #underWay = 0;
  /** The most items that were there and under way of late. */
  #most = 0;

  /** `sizeOf` tells how many requests an item stands for. */
  constructor(sizeOf: (item: T) => number, send: (items: T[]) => void) {
    this.#sizeOf = sizeOf;
    this.#send = send;
  }

  add(item: T): void {
    const count = this.#items.push(item);
    if (this.#underWay === 0 && count >= Math.max(leastPart, this.#most / parts)) this.#hand();
    else if (!this.#scheduled) this.#schedule();
  }

  /** So many items are under way. */
  began(items: number): void {
    this.#underWay += items;
  }

  /** So many of those are so no longer. */
  ended(items: number): void {
    this.#underWay -= items;
  }

  #schedule(): void {
    this.#scheduled = true;
    const end = (): void => {
      this.#scheduled = false;
      if (this.#items.length > 0) this.#hand();
    };
    setImmediate(() => {
      if (this.#isCrowd()) setImmediate(end);
      else end();
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
    this.#most = Math.max(items.length + this.#underWay, this.#most * remembered);
    this.#send(items);
  }
}
