/** From catalogue events to what a ranking shows of movies. */
import { eq, sql } from 'drizzle-orm';
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import type { Database } from '../../shared/views/database.ts';
import { matching, upsert } from '../../shared/views/prepared.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { winnerOf, withState } from '../../shared/views/sites.ts';
import { fold, type MovieState, movieStated, statedMovieId } from '../movies/contract.ts';
import { keeps, type Partition } from './partition.ts';
import { movieStates, ranked } from './schema.ts';
import { trendingOf, weightedRating } from './scores.ts';
import { tallyReader } from './tallies.ts';

interface Fields {
  title: string;
  genres: string[];
  rating: number | null;
  votes: number | null;
}

type StateRow = typeof movieStates.$inferSelect;

/** Key of the rows that rank all movies. */
export const overall = '';

/** Key of the rows that rank the movies of a genre: never that of all. A line break in its name is a space. */
export function genreKeyOf(genre: string): string {
  return fold(genre).replaceAll('\n', ' ') || genre;
}

/** Prepares the projection of CATALOGUE, of all movies or of a part of them. */
export function catalogueProjection(db: Database, partition?: Partition): Projection {
  const asked = sql.placeholder('movieId');
  const statesOf = db.select().from(movieStates).where(eq(movieStates.movieId, asked)).prepare();
  const putState = upsert(db, movieStates, [movieStates.movieId, movieStates.site]);
  const genresOf = db.select({ genreKey: ranked.genreKey }).from(ranked).where(eq(ranked.movieId, asked)).prepare();
  const tallyOf = tallyReader(db);
  const rank = upsert(db, ranked, [ranked.movieId, ranked.genreKey]);
  const unrank = db
    .delete(ranked)
    .where(matching(ranked, 'movieId', 'genreKey'))
    .prepare();

  function show(movieId: number, fields: Fields | null): void {
    const before = genresOf.all({ movieId });
    const after = fields ? [...new Set([overall, ...fields.genres.map(genreKeyOf)])] : [];
    for (const { genreKey } of before) if (!after.includes(genreKey)) unrank.run({ movieId, genreKey });
    if (!fields) return;
    const { title, rating, votes } = fields;
    const { likes, weight } = tallyOf(movieId);
    const trending = trendingOf(weight);
    const row = { movieId, title, titleKey: fold(title), rating, likes, sortRating: rating ?? 0, trending };
    for (const genreKey of after) rank.run({ ...row, genreKey, weighted: weightedRating(rating, votes) });
  }

  return {
    stream: 'CATALOGUE',
    filter: 'catalogue.>',
    events: [movieStated],
    apply(event) {
      const movieId = statedMovieId(event);
      if (!keeps(partition, movieId)) return;
      const fields = shownFields(event);
      const { site, time, sequence: revision } = event;
      const next: StateRow = { movieId, site, time, revision, fields: fields && JSON.stringify(fields) };
      const states = withState(statesOf.all({ movieId }), next);
      if (!states) return;
      putState.run(next);
      const shown = winnerOf(states)?.fields ?? null;
      show(movieId, shown === null ? null : (JSON.parse(shown) as Fields));
    },
  };
}

function shownFields(event: StoredEvent): Fields | null {
  const data = event.data as MovieState;
  if (data.removed) return null;
  const { title, genres, rating, votes } = data;
  return { title, genres, rating, votes };
}
