/** A map that starts anew when it is full: for what can be made again at any time. */

export class BoundedMap<K, V> {
  readonly #most: number;
  readonly #sizeOf: (value: V, key: K) => number;
  readonly #entries = new Map<K, V>();
  #size = 0;

  /** @param most sum of all sizes; `sizeOf` gives that of an entry, in whatever unit */
  constructor(most: number, sizeOf: (value: V, key: K) => number) {
    this.#most = most;
    this.#sizeOf = sizeOf;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  set(key: K, value: V): void {
    this.delete(key);
    const size = this.#sizeOf(value, key);
    // Whoever walks through everything causes this now and then; that is rare, and costs little.
    if (this.#size + size > this.#most) this.clear();
    this.#size += size;
    this.#entries.set(key, value);
  }

  delete(key: K): void {
    const value = this.#entries.get(key);
    if (value === undefined) return;
    this.#size -= this.#sizeOf(value, key);
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#size = 0;
  }
}
