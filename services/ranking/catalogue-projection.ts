/** From catalogue events to what a ranking shows of movies. */

import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { fold } from '../../shared/operations/text.ts';
import type { Database } from '../../shared/views/database.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { wins } from '../../shared/views/sites.ts';
import { type MovieState, movieStated, statedMovieId } from '../movies/contract.ts';
import { neverLiked, weightedRating } from './scores.ts';

interface Fields {
  title: string;
  genres: string[];
  rating: number | null;
  votes: number | null;
}

interface StateRow {
  site: string;
  time: number;
  revision: number;
  fields: string | null;
}

/** Key of the rows that rank all movies. */
export const overall = '';

/** Key of the rows that rank the movies of a genre: never that of all. A line break in its name is a space. */
export function genreKeyOf(genre: string): string {
  return fold(genre).replaceAll('\n', ' ') || genre;
}

/** Prepares the projection of CATALOGUE. */
export function catalogueProjection(db: Database): Projection {
  const statesOf = db.$client.prepare<[number], StateRow>(
    'SELECT site, time, revision, fields FROM movie_states WHERE movie_id = ?',
  );
  const putState = db.$client.prepare(
    'INSERT OR REPLACE INTO movie_states (movie_id, site, time, revision, fields) VALUES (?, ?, ?, ?, ?)',
  );
  const genresOf = db.$client.prepare<[number], string>('SELECT genre_key FROM ranked WHERE movie_id = ?').pluck();
  const tallyOf = db.$client.prepare<[number], { likes: number; trending: number }>(
    'SELECT likes, trending FROM tallies WHERE movie_id = ?',
  );
  const rank = db.$client.prepare(
    `INSERT OR REPLACE INTO ranked
       (genre_key, movie_id, title, title_key, rating, likes, sort_rating, trending, weighted)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const unrank = db.$client.prepare('DELETE FROM ranked WHERE genre_key = ? AND movie_id = ?');

  function show(movieId: number, fields: Fields | null): void {
    const before = genresOf.all(movieId);
    const after = fields ? [...new Set([overall, ...fields.genres.map(genreKeyOf)])] : [];
    for (const genreKey of before) if (!after.includes(genreKey)) unrank.run(genreKey, movieId);
    if (!fields) return;
    const { title, rating, votes } = fields;
    const { likes, trending } = tallyOf.get(movieId) ?? { likes: 0, trending: neverLiked };
    const weighted = weightedRating(rating, votes);
    for (const genreKey of after) {
      rank.run(genreKey, movieId, title, fold(title), rating, likes, rating ?? 0, trending, weighted);
    }
  }

  return {
    stream: 'CATALOGUE',
    filter: 'catalogue.>',
    events: [movieStated],
    apply(event) {
      const movieId = statedMovieId(event);
      const states = statesOf.all(movieId);
      const own = states.find(({ site }) => site === event.site);
      if (own && own.revision >= event.sequence) return;
      const fields = shownFields(event);
      const next: StateRow = {
        site: event.site,
        time: event.time,
        revision: event.sequence,
        fields: fields && JSON.stringify(fields),
      };
      putState.run(movieId, next.site, next.time, next.revision, next.fields);
      const winner = states
        .filter((state) => state !== own)
        .reduce((best, state) => (wins(state, best) ? state : best), next);
      show(movieId, winner === next ? fields : winner.fields === null ? null : (JSON.parse(winner.fields) as Fields));
    },
  };
}

function shownFields(event: StoredEvent): Fields | null {
  const data = event.data as MovieState;
  if (data.removed) return null;
  const { title, genres, rating, votes } = data;
  return { title, genres, rating, votes };
}
