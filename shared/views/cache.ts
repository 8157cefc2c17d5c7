/** Answers kept in memory for as long as the view stays as it is. */

/**
 * Counts the transactions of a view, for threads that share `counter`. It is odd while one is being committed: then
 * nobody can say which rows a query sees.
 */
export class CommittedVersion {
  readonly counter: Int32Array<SharedArrayBuffer>;

  constructor(counter = new Int32Array(new SharedArrayBuffer(4))) {
    this.counter = counter;
  }

  /** The version that queries see; undefined while it changes. */
  get current(): number | undefined {
    const version = Atomics.load(this.counter, 0);
    return version % 2 === 0 ? version : undefined;
  }

  /** To be called at the end of a transaction, before its commit. */
  committing(): void {
    Atomics.or(this.counter, 0, 1);
  }

  /** To be called behind the commit, also where it failed or was never reached. */
  committed(): void {
    if (this.current === undefined) Atomics.add(this.counter, 0, 1);
  }
}

/** UTF-16 code units of everything that is kept. */
const mostUnits = 4_000_000;
/** What an entry takes beside its text. */
const entryUnits = 100;

/** Keeps what was made from one version of a view, and forgets it with the next. */
export class Cache {
  readonly #version: CommittedVersion;
  readonly #changed: () => void;
  readonly #entries = new Map<string | number, unknown>();
  #madeFrom: number | undefined;
  #units = 0;

  /** @param changed has `make` see the version that is there now, where it saw an older one */
  constructor(version: CommittedVersion, changed: () => void = () => {}) {
    this.#version = version;
    this.#changed = changed;
  }

  /** What is kept under a key, or else what `make` gives, which is kept unless it is undefined. */
  cached<T>(key: string | number, make: () => T): T {
    const version = this.#version.current;
    if (version !== this.#madeFrom) {
      this.#clear();
      this.#changed();
      this.#madeFrom = version;
    }
    if (version === undefined) return make();
    const kept = this.#entries.get(key) as T | undefined;
    if (kept !== undefined) return kept;
    const made = make();
    // Only what was read from this version, and not from the next one.
    if (made !== undefined && this.#version.current === version) this.#keep(key, made);
    return made;
  }

  #keep(key: string | number, value: unknown): void {
    const units = entryUnits + unitsOf(value) + (typeof key === 'string' ? key.length : 0);
    if (this.#units + units > mostUnits) this.#clear();
    this.#entries.set(key, value);
    this.#units += units;
  }

  #clear(): void {
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
