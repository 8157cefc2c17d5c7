/** Pseudo-random numbers seeded with a text. */

/** Returns a generator seeded with a text; each call returns the next number from 0 to 1. */
function seededRandom(text: string): () => number {
  // FNV-1a for the seed and mulberry32 for the numbers: short, and random enough for pictures.
  let state = 0x811c9dc5;
  for (const sign of text) state = Math.imul(state ^ (sign.codePointAt(0) as number), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The random choices of a scene. */
export class Dice {
  readonly next: () => number;

  constructor(text: string) {
    this.next = seededRandom(text);
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
