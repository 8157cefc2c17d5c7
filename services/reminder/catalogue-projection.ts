/** Turns catalogue events into movie titles. */
import { lt } from 'drizzle-orm';
import type { Database } from '../../shared/views/database.ts';
import { excluded, upsert } from '../../shared/views/prepared.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { type MovieState, movieStated, statedMovieId } from '../movies/contract.ts';
import { titles } from './schema.ts';

/** Prepares the projection of CATALOGUE. It keeps the title of each site; queries.ts selects the one to show. */
export function catalogueProjection(db: Database): Projection {
  const isNewer = lt(titles.revision, excluded(titles.revision));
  const put = upsert(db, titles, [titles.movieId, titles.site], isNewer);
  return {
    stream: 'CATALOGUE',
    filter: 'catalogue.>',
    events: [movieStated],
    apply(event) {
      const movieId = statedMovieId(event);
      const data = event.data as MovieState;
      const { site, time, sequence: revision } = event;
      put.run({ movieId, site, time, revision, title: data.removed ? null : data.title });
    },
  };
}
