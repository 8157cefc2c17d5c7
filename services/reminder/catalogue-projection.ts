/** Turns catalogue events into movie titles. */
import { eq, sql } from 'drizzle-orm';
import type { Database } from '../../shared/views/database.ts';
import { upsert } from '../../shared/views/prepared.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { type MovieState, movieStated, statedMovieId } from '../movies/contract.ts';
import { titles } from './schema.ts';

/** Prepares the projection of CATALOGUE. */
export function catalogueProjection(db: Database): Projection {
  const put = upsert(db, titles, [titles.movieId]);
  const remove = db
    .delete(titles)
    .where(eq(titles.movieId, sql.placeholder('movieId')))
    .prepare();
  return {
    stream: 'CATALOGUE',
    filter: 'catalogue.>',
    events: [movieStated],
    apply(event) {
      const movieId = statedMovieId(event);
      const data = event.data as MovieState;
      if (data.removed) remove.run({ movieId });
      else put.run({ movieId, title: data.title });
    },
  };
}
