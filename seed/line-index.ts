/** On which line something was first, for millions of rows: some 20 bytes for each. */

const fewest = 1 << 10;
/** Keys from here on are hashes of texts; below are ids. */
const firstHash = 2 ** 32;

/** Remembers the line of each key. Two texts have the same key once in some thousand millions. */
export class LineIndex {
  #keys = new Float64Array(fewest);
  #lines = new Uint32Array(fewest);
  #count = 0;

  /** Adds an id or a text with its line. Gives the line where it was before, and keeps that. */
  add(key: number | string, line: number): number | undefined {
    if (this.#count * 3 > this.#keys.length * 2) this.#grow();
    const number = typeof key === 'string' ? hash(key) : key;
    const at = this.#place(number);
    if (this.#keys[at] === number) return this.#lines[at];
    this.#keys[at] = number;
    this.#lines[at] = line;
    this.#count++;
    return undefined;
  }

  /** Where the key is, or has room. */
  #place(key: number): number {
    const mask = this.#keys.length - 1;
    let at = Math.imul((key % firstHash) ^ (key / firstHash), 0x9e3779b1) >>> 7;
    for (at &= mask; this.#keys[at] !== 0 && this.#keys[at] !== key; ) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const keys = this.#keys;
    const lines = this.#lines;
    this.#keys = new Float64Array(2 * keys.length);
    this.#lines = new Uint32Array(2 * keys.length);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as number;
      if (key === 0) continue;
      const at = this.#place(key);
      this.#keys[at] = key;
      this.#lines[at] = lines[i] as number;
    }
  }
}

/** 53 bits of a text, beyond all ids. */
function hash(text: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return firstHash * ((low & 0x1fffff) + 1) + (high >>> 0);
}
