/** Pages of lists, kept until a row changes: the first page of a list is asked for again and again. */
import { BoundedMap } from './bounded-map.ts';

/** UTF-16 code units of all pages together; a page has thirty thousand or so. */
const mostUnits = 4_000_000;
/** What an entry takes beside its text: there may be many that are short. */
const entryUnits = 100;

/**
 * Keeps the JSON of pages that are made from one view. `clear` is to be called with each change of it.
 * @example
 * pages.page(JSON.stringify(input), () => view.queries.list(input));
 */
export class Pages extends BoundedMap<string, string> {
  constructor() {
    super(mostUnits, (page, key) => page.length + key.length + entryUnits);
  }

  /** The page that `make` gives for a key, made at most once between two changes. */
  page(key: string, make: () => string): string {
    const kept = this.get(key);
    if (kept !== undefined) return kept;
    const page = make();
    this.set(key, page);
    return page;
  }
}
