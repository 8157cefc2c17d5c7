/**
 * Turns catalogue events into rows of the a-sample view.
 *
 * Increase `version` when the same events must produce different rows: each replica then rebuilds its view.
 */
import { eq, sql } from 'drizzle-orm';
import { type MovieState, movieStated, statedMovieId } from '../../services/movies/contract.ts';
import { upsert } from '../../shared/views/prepared.ts';
import type { ViewProjections } from '../../shared/views/projection.ts';
import { titles } from './schema.ts';

export const projections: ViewProjections = {
  version: 1,
  migrations: new URL('./migrations', import.meta.url),
  prepare(db) {
    const put = upsert(db, titles, [titles.movieId]);
    const remove = db
      .delete(titles)
      .where(eq(titles.movieId, sql.placeholder('movieId')))
      .prepare();
    return [
      {
        stream: 'CATALOGUE',
        filter: 'catalogue.>',
        events: [movieStated],
        apply(event) {
          const movieId = statedMovieId(event);
          const data = event.data as MovieState;
          if (data.removed) remove.run({ movieId });
          else put.run({ movieId, title: data.title });
        },
      },
    ];
  },
};
