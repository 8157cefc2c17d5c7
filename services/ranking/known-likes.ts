/** Likes of movies that were asked for or voted on lately, beside the rows of one view. */
import { BoundedMap } from '../../shared/bounded-map.ts';

/** Enough for what is asked for again and again; about 5 MB. */
const mostMovies = 50_000;

/**
 * A look into a table costs as much as the rest of a small request, most of it for SQLite's locks. The projections
 * keep these numbers equal to the rows: `set` and `delete` with each change, `clear` when its transaction failed.
 */
export class KnownLikes extends BoundedMap<number, number> {
  constructor() {
    super(mostMovies, () => 1);
  }
}
