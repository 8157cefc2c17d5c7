/** Reads rows of the a-sample view through statements that are prepared once. */
import { eq, sql } from 'drizzle-orm';
import type { Database } from '../../shared/views/database.ts';
import { titles } from './schema.ts';

export type ASampleQueries = ReturnType<typeof aSampleQueries>;

/** Prepares the queries of the a-sample view. */
export function aSampleQueries(db: Database) {
  const titleById = db
    .select({ title: titles.title })
    .from(titles)
    .where(eq(titles.movieId, sql.placeholder('movieId')))
    .prepare();

  return {
    /** Returns the title of a movie, or null when the catalogue does not have the movie. */
    title: (movieId: number): string | null => titleById.get({ movieId })?.title ?? null,
  };
}
