/** Movies that were asked for lately, beside the rows of one view. */
import { BoundedMap } from '../../shared/views/bounded-map.ts';

/** The answer's JSON without its likes, and the revision. */
export interface Document {
  document: string;
  revision: number;
}

/** UTF-16 code units of all documents together: some five thousand movies. */
const mostUnits = 4_000_000;

/**
 * A look into a table costs as much as the rest of a small request, most of it for SQLite's locks. What the projection
 * changes is forgotten, so that nothing here is ever older than the position that the view is known to have.
 */
export class KnownMovies extends BoundedMap<number, Document> {
  constructor() {
    super(mostUnits, ({ document }) => document.length);
  }

  /** Forgets movies that have changed. */
  forget(movieIds: Iterable<number>): void {
    for (const movieId of movieIds) this.delete(movieId);
  }
}
