/**
 * Turns catalogue events into rows of the a-sample view.
 *
 * Increase `version` when the same events must produce different rows: each replica then rebuilds its view.
 */
import { lt } from 'drizzle-orm';
import { type MovieState, movieStated, statedMovieId } from '../../services/movies/contract.ts';
import { excluded, upsert } from '../../shared/views/prepared.ts';
import type { ViewProjections } from '../../shared/views/projection.ts';
import { titles } from './schema.ts';

export const projections: ViewProjections = {
  version: 1,
  migrations: new URL('./migrations', import.meta.url),
  prepare(db) {
    // An event may be delivered twice. The second delivery is not newer than the row, so it changes nothing.
    const isNewer = lt(titles.revision, excluded(titles.revision));
    const upsertTitle = upsert(db, titles, [titles.movieId, titles.site], isNewer);
    return [
      {
        stream: 'CATALOGUE',
        filter: 'catalogue.>',
        events: [movieStated],
        apply(event) {
          const data = event.data as MovieState;
          const { site, time, sequence: revision } = event;
          const title = data.removed ? null : data.title;
          upsertTitle.run({ movieId: statedMovieId(event), site, time, revision, title });
        },
      },
    ];
  },
};
