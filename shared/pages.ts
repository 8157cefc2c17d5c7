/** Pages of lists, kept until something changes: the first page of a list is asked for again and again. */
import type { Projection } from './projection.ts';

/** UTF-16 code units of all pages together; a page has thirty thousand or so. */
const mostUnits = 4_000_000;

/**
 * Keeps the JSON of pages. What changes the view clears it, in the transaction that does, so that no page is ever
 * older than the view.
 * @example
 * const pages = new Pages();
 * return { queries: { ...movieQueries(db), pages }, projections: [pages.clearedBy(catalogueProjection(db))] };
 */
export class Pages {
  readonly #kept = new Map<string, string>();
  #units = 0;

  /** The page that `make` gives for a key, made at most once between two changes. */
  get(key: string, make: () => string): string {
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const page = make();
    // Whoever walks through a whole catalogue starts this anew now and then; that is rare, and costs little.
    const units = key.length + page.length;
    if (this.#units + units > mostUnits) this.clear();
    this.#units += units;
    this.#kept.set(key, page);
    return page;
  }

  clear(): void {
    this.#kept.clear();
    this.#units = 0;
  }

  /** The projection, clearing the pages with each transaction. */
  clearedBy(projection: Projection): Projection {
    return {
      ...projection,
      finish: () => {
        projection.finish?.();
        this.clear();
      },
    };
  }
}
