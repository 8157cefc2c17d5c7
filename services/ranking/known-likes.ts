/** Likes of movies that were asked for or voted on lately, beside the rows of one view. */
import { BoundedMap } from '../../shared/views/bounded-map.ts';

/** Likes of movies as they are now; null where that has to be looked up. */
export type LikeChanges = Map<number, number | null>;

/** Enough for what is asked for again and again; about 5 MB. */
const mostMovies = 50_000;

/**
 * A look into a table costs as much as the rest of a small request, most of it for SQLite's locks. These numbers are
 * what the projections have said until now: `changed` with each change of theirs.
 */
export class KnownLikes extends BoundedMap<number, number> {
  constructor() {
    super(mostMovies, () => 1);
  }

  /** Takes what a transaction has changed: of a movie that nobody asked for it is not kept. */
  changed(changes: LikeChanges): void {
    for (const [movieId, likes] of changes) {
      if (this.get(movieId) === undefined) continue;
      if (likes === null) this.delete(movieId);
      else this.set(movieId, likes);
    }
  }
}
