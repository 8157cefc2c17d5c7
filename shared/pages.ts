/** Pages of lists, kept until their database changes: the first page of a list is asked for again and again. */
import { BoundedMap } from './bounded-map.ts';
import type { Database } from './database.ts';

/** UTF-16 code units of all pages together; a page has thirty thousand or so. */
const mostUnits = 4_000_000;

/**
 * Keeps the JSON of pages that are made from one database. No page is older than the last transaction: SQLite counts
 * the rows that this connection has ever changed (https://www.sqlite.org/c3ref/total_changes.html), nobody else writes
 * to the file of a view, and a look at the counter costs a hundredth of a page.
 * @example
 * pages.get(JSON.stringify(input), () => view.queries.list(input)); // never inside a transaction
 */
export class Pages {
  readonly #changes;
  readonly #kept = new BoundedMap<string, string>(mostUnits, (page) => page.length);
  #madeAt = 0;

  constructor(db: Database) {
    this.#changes = db.prepare<[], number>('SELECT total_changes()').pluck();
  }

  /** The page that `make` gives for a key, made at most once between two changes. */
  get(key: string, make: () => string): string {
    const changes = this.#changes.get() as number;
    if (changes !== this.#madeAt) this.#kept.clear();
    this.#madeAt = changes;
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const page = make();
    this.#kept.set(key, page);
    return page;
  }
}
