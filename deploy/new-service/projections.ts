/** From events to the rows of a-sample. Raise `version` when the same events are to give other rows. */
import { lt } from 'drizzle-orm';
import { type MovieState, movieStated, statedMovieId } from '../../services/movies/contract.ts';
import { excluded, upsert } from '../../shared/views/prepared.ts';
import type { ViewProjections } from '../../shared/views/projection.ts';
import { titles } from './schema.ts';

export const projections: ViewProjections = {
  version: 1,
  migrations: new URL('./migrations', import.meta.url),
  prepare(db) {
    // An event that comes again changes nothing: its revision is in the row already.
    const later = lt(titles.revision, excluded(titles.revision));
    const put = upsert(db, titles, [titles.movieId, titles.site], later);
    return [
      {
        stream: 'CATALOGUE',
        filter: 'catalogue.>',
        events: [movieStated],
        apply(event) {
          const data = event.data as MovieState;
          const { site, time, sequence: revision } = event;
          put.run({ movieId: statedMovieId(event), site, time, revision, title: data.removed ? null : data.title });
        },
      },
    ];
  },
};
