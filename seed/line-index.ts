/** Hash table from a key to the line where it first occurred: about 20 bytes a key, for files of millions of rows. */

const initialCapacity = 1 << 10;
/** Lowest key that is the hash of a text; smaller keys are ids. */
const firstHash = 2 ** 32;

/** Remembers the first line of each key. Hashes have 53 bits, so collisions of two texts are negligible. */
export class LineIndex {
  #keys = new Float64Array(initialCapacity);
  #lines = new Uint32Array(initialCapacity);
  #count = 0;

  /** Adds the line of an id or text. Returns the line of an earlier occurrence, which is kept. */
  add(key: number | string, line: number): number | undefined {
    if (this.#count * 3 > this.#keys.length * 2) this.#grow();
    const number = typeof key === 'string' ? hash(key) : key;
    const at = this.#slotOf(number);
    if (this.#keys[at] === number) return this.#lines[at];
    this.#keys[at] = number;
    this.#lines[at] = line;
    this.#count++;
    return undefined;
  }

  #slotOf(key: number): number {
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
      const at = this.#slotOf(key);
      this.#keys[at] = key;
      this.#lines[at] = lines[i] as number;
    }
  }
}

/** Returns a 53-bit hash of a text, above every id. */
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
