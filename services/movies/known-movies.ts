/** Movies that were asked for lately, beside the rows of one view. */
import { BoundedMap } from '../../shared/bounded-map.ts';

/** The answer's JSON without its likes, and the revision. */
export interface Document {
  document: string;
  revision: number;
}

/** UTF-16 code units of all documents together: some five thousand movies. */
const mostUnits = 4_000_000;

/**
 * A look into a table costs as much as the rest of a small request, most of it for SQLite's locks. The projection
 * deletes what it changes, so that nothing here is ever older than its row.
 */
export class KnownMovies extends BoundedMap<number, Document> {
  constructor() {
    super(mostUnits, ({ document }) => document.length);
  }
}
