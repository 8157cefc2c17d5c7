/**
 * The indices of rankings. A view that is built has none until its end: made at once of sorted rows they cost far less than
 * row by row, where each movie and like is written to pages of its own.
 */
import { type Database, setCache } from '../../shared/views/database.ts';

const indices = {
  ranked_by_likes: 'genre_key, likes DESC, sort_rating DESC, title_key, movie_id',
  ranked_by_trending: 'genre_key, trending DESC, sort_rating DESC, title_key, movie_id',
  ranked_by_rating: 'genre_key, weighted DESC, title_key, movie_id',
};

/** Those that are still to be made, in their order. */
export function missingIndices({ $client: client }: Database): string[] {
  const has = client.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?');
  return Object.keys(indices).filter((name) => !has.get(name));
}

/** Whether ranks have been written, and are in order as far as there are indices. */
export function hasRanks(db: Database): boolean {
  return !missingIndices(db).includes('ranked_by_likes');
}

/** SQLite sorts what becomes one in temporary files: for a million movies it would be more than all that a service holds. */
export function addIndex(db: Database, name: string): void {
  setCache(db, 'small');
  try {
    db.$client.exec(`CREATE INDEX ${name} ON ranked (${indices[name as keyof typeof indices]})`);
  } finally {
    setCache(db, 'normal');
  }
}
