/**
 * The indices of rankings. A view that is built has none until its end: made at once of sorted rows they cost far less than
 * row by row, where each movie and like is written to pages of its own.
 */
import type { Database } from '../../shared/views/database.ts';

const indices = {
  ranked_by_likes: 'genre_key, likes DESC, sort_rating DESC, title_key, movie_id',
  ranked_by_trending: 'genre_key, trending DESC, sort_rating DESC, title_key, movie_id',
  ranked_by_rating: 'genre_key, weighted DESC, title_key, movie_id',
};

export function hasIndices(db: Database): boolean {
  return db.$client.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'ranked_by_likes'").get() !== undefined;
}

/** SQLite sorts what becomes one in temporary files: for a million movies it would be more than all that a service holds. */
export function addIndices({ $client: client }: Database): void {
  for (const [name, columns] of Object.entries(indices)) client.exec(`CREATE INDEX ${name} ON ranked (${columns})`);
}
