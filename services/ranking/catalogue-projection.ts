/** Turns catalogue events into the movie rows that rankings show. */
import { eq, sql } from 'drizzle-orm';
import type { Database } from '../../shared/views/database.ts';
import { matching, upsert } from '../../shared/views/prepared.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { fold, type MovieFields, type MovieState, movieStated, statedMovieId } from '../movies/contract.ts';
import { keeps, type Partition } from './partition.ts';
import { ranked } from './schema.ts';
import { trendingOf, weightedRating } from './scores.ts';
import { tallyReader } from './tallies.ts';

/** `genreKey` of the ranking of all movies. */
export const overall = '';

/** Returns the `genreKey` of a genre, which is never `overall`. A line break in the genre's name becomes a space. */
export function genreKeyOf(genre: string): string {
  return fold(genre).replaceAll('\n', ' ') || genre;
}

/** Prepares the projection of CATALOGUE. With a partition, it keeps only the movies of that part. */
export function catalogueProjection(db: Database, partition?: Partition): Projection {
  const param = sql.placeholder('movieId');
  const genresOf = db.select({ genreKey: ranked.genreKey }).from(ranked).where(eq(ranked.movieId, param)).prepare();
  const tallyOf = tallyReader(db);
  const putRanked = upsert(db, ranked, [ranked.movieId, ranked.genreKey]);
  const deleteRanked = db
    .delete(ranked)
    .where(matching(ranked, 'movieId', 'genreKey'))
    .prepare();

  /** Writes one row per genre and one overall, and deletes those of genres that the movie no longer has. */
  function writeRanked(movieId: number, fields: MovieFields | null): void {
    const before = genresOf.all({ movieId });
    const after = fields ? [...new Set([overall, ...fields.genres.map(genreKeyOf)])] : [];
    for (const { genreKey } of before) if (!after.includes(genreKey)) deleteRanked.run({ movieId, genreKey });
    if (!fields) return;
    const { title, rating, votes } = fields;
    const { likes, weight } = tallyOf(movieId);
    const trending = trendingOf(weight);
    const row = { movieId, title, titleKey: fold(title), rating, likes, sortRating: rating ?? 0, trending };
    for (const genreKey of after) putRanked.run({ ...row, genreKey, weighted: weightedRating(rating, votes) });
  }

  return {
    stream: 'CATALOGUE',
    filter: 'catalogue.>',
    events: [movieStated],
    apply(event) {
      const movieId = statedMovieId(event);
      if (!keeps(partition, movieId)) return;
      const data = event.data as MovieState;
      writeRanked(movieId, data.removed ? null : data);
    },
  };
}
