/**
 * Pseudo-random choices, the same for the same text. FNV-1a for the seed and mulberry32 for the numbers are short, and
 * random enough for pictures.
 */
export class Dice {
  #state = 0x811c9dc5;

  constructor(text: string) {
    for (const sign of text) this.#state = Math.imul(this.#state ^ (sign.codePointAt(0) as number), 0x01000193);
  }

  /** Returns the next number from 0 to 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** Returns a number of the range, rounded to a tenth, which is precise enough for SVG. */
  between(low: number, high: number): number {
    return Math.round((low + this.next() * (high - low)) * 10) / 10;
  }

  int(low: number, high: number): number {
    return Math.floor(low + this.next() * (high - low + 1));
  }

  pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.next() * choices.length)] as T;
  }

  chance(of: number): boolean {
    return this.next() < of;
  }
}
