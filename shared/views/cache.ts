/** Answers kept in memory. */

/** UTF-16 code units of everything that is kept. */
const mostUnits = 4_000_000;
/** What an entry takes beside its text. */
const entryUnits = 100;

/** Keeps what was made until it is full, or cleared. */
export class Cache {
  readonly #entries = new Map<string | number, unknown>();
  #units = 0;

  /** What is kept under a key, or else what `make` gives, which is kept unless it is undefined. */
  cached<T>(key: string | number, make: () => T): T {
    const kept = this.#entries.get(key) as T | undefined;
    if (kept !== undefined) return kept;
    const made = make();
    if (made === undefined) return made;
    const units = entryUnits + unitsOf(made) + (typeof key === 'string' ? key.length : 0);
    if (this.#units + units > mostUnits) this.clear();
    this.#entries.set(key, made);
    this.#units += units;
    return made;
  }

  clear(): void {
    this.#entries.clear();
    this.#units = 0;
  }
}

/** Length of the text in a value: of a string, or of the strings in an object. */
function unitsOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((sum: number, one) => sum + (typeof one === 'string' ? one.length : 0), 0);
}
