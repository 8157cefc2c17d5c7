/** From rows to answers, with queries that are prepared once. */
import { eq, sql } from 'drizzle-orm';
import type { Database } from '../../shared/views/database.ts';
import { winnerFirst } from '../../shared/views/sites.ts';
import { titles } from './schema.ts';

export type ASampleQueries = ReturnType<typeof aSampleQueries>;

/** Prepares the queries of the a-sample view. */
export function aSampleQueries(db: Database) {
  const byId = db
    .select({ title: titles.title })
    .from(titles)
    .where(eq(titles.movieId, sql.placeholder('movieId')))
    .orderBy(...winnerFirst(titles))
    .limit(1)
    .prepare();

  return {
    /** The title of a movie; null for one that the catalogue does not show. */
    title: (movieId: number): string | null => byId.get({ movieId })?.title ?? null,
  };
}
