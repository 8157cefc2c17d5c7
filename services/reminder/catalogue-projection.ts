/** From catalogue events to titles. */
import type { Database } from '../../shared/views/database.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { type MovieState, movieStated, statedMovieId } from '../movies/contract.ts';

/** Prepares the projection of CATALOGUE. Which site's title is shown is decided where it is read: see queries.ts. */
export function titlesProjection(db: Database): Projection {
  const upsert = db.$client.prepare(
    `INSERT INTO titles (movie_id, site, time, revision, title) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (movie_id, site) DO UPDATE
     SET time = excluded.time, revision = excluded.revision, title = excluded.title
     WHERE revision < excluded.revision`,
  );
  return {
    stream: 'CATALOGUE',
    filter: 'catalogue.>',
    events: [movieStated],
    apply(event) {
      const movieId = statedMovieId(event);
      const data = event.data as MovieState;
      upsert.run(movieId, event.site, event.time, event.sequence, data.removed ? null : data.title);
    },
  };
}
