/** From catalogue events to rows. */

import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { fold } from '../../shared/operations/text.ts';
import type { Database } from '../../shared/views/database.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { wins } from '../../shared/views/sites.ts';
import { type MovieFields, type MovieState, movieFields, movieStated, statedMovieId } from './contract.ts';
import { SearchIndex } from './search-index.ts';

/** What a site last said of a movie. `fields` is null where it said that the movie is gone. */
interface SiteState {
  site: string;
  time: number;
  revision: number;
  fields: MovieFields | null;
}

interface MovieRow {
  site: string;
  time: number;
  revision: number;
  document: string;
}

/** Prepares the projection of CATALOGUE. */
export function catalogueProjection(db: Database): Projection {
  const index = new SearchIndex(db);
  const rows = movieRows(db, index);
  const states = stateRows(db);

  function apply(event: StoredEvent): void {
    const { movieId, state } = siteState(event);
    const shown = rows.get(movieId);
    const others = states.of(movieId);
    const known = [...others, ...(shown ? [shown] : [])];
    // Applied already: a redelivery, or a message that had been put aside and was overtaken.
    if (known.some(({ site, revision }) => site === state.site && revision >= state.revision)) return;

    const rivals = known.filter(({ site }) => site !== state.site);
    const winner = rivals.reduce((best, rival) => (wins(rival, best) ? rival : best), state);
    const revision = Math.max(state.revision, ...rivals.map((rival) => rival.revision));
    if (others.length > 0) states.clear(movieId);
    for (const loser of [state, ...rivals]) {
      if (loser !== winner || loser.fields === null) states.put(movieId, loser);
    }
    if (shown) rows.remove(movieId, shown.fields as MovieFields);
    if (winner.fields) rows.put(movieId, winner, winner.fields, revision);
  }

  return {
    stream: 'CATALOGUE',
    filter: 'catalogue.>',
    events: [movieStated],
    apply,
    finish() {
      rows.writeCounts();
      index.flush();
    },
    abandon() {
      rows.forgetCounts();
      index.clear();
    },
  };
}

function siteState(event: StoredEvent): { movieId: number; state: SiteState } {
  const movieId = statedMovieId(event);
  const data = event.data as MovieState;
  const state = { site: event.site, time: event.time, revision: event.sequence };
  if (data.removed) return { movieId, state: { ...state, fields: null } };
  const { removed: _, movieId: __, ...fields } = data;
  return { movieId, state: { ...state, fields } };
}

/** Rows of movies with their genres and search index. */
function movieRows(db: Database, index: SearchIndex) {
  const select = db.$client.prepare<[number], MovieRow>(
    'SELECT site, time, revision, document FROM movies WHERE movie_id = ?',
  );
  const upsert = db.$client.prepare(
    `INSERT OR REPLACE INTO movies (movie_id, revision, site, time, title_key, year, rating, votes, document)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const remove = db.$client.prepare('DELETE FROM movies WHERE movie_id = ?');
  const addGenre = db.$client.prepare('INSERT OR IGNORE INTO movie_genres (genre_key, movie_id) VALUES (?, ?)');
  const removeGenre = db.$client.prepare('DELETE FROM movie_genres WHERE genre_key = ? AND movie_id = ?');
  const addToGenre = db.$client.prepare(
    `INSERT INTO genres (genre_key, name, movies) VALUES (?, ?, ?)
     ON CONFLICT (genre_key) DO UPDATE SET movies = movies + excluded.movies`,
  );
  /** What a transaction changes in the numbers of movies: there are many movies to a genre. */
  const counts = new Map<string, { name: string; movies: number }>();

  function count(genreKey: string, name: string, step: number): void {
    const counted = counts.get(genreKey);
    if (counted) counted.movies += step;
    else counts.set(genreKey, { name, movies: step });
  }

  return {
    get(movieId: number): SiteState | undefined {
      const row = select.get(movieId);
      return row && { ...row, fields: movieFields.parse(JSON.parse(row.document)) };
    },
    put(movieId: number, state: SiteState, fields: MovieFields, revision: number): void {
      const document = JSON.stringify({ movieId, ...fields, revision });
      const { site, time } = state;
      const { title, year, rating, votes } = fields;
      upsert.run(movieId, revision, site, time, fold(title), year ?? 0, rating ?? 0, votes ?? 0, document);
      for (const genre of fields.genres) {
        const key = fold(genre);
        if (addGenre.run(key, movieId).changes > 0) count(key, genre, 1);
      }
      index.add(movieId, fields);
    },
    remove(movieId: number, fields: MovieFields): void {
      remove.run(movieId);
      for (const genre of fields.genres) {
        const key = fold(genre);
        if (removeGenre.run(key, movieId).changes > 0) count(key, genre, -1);
      }
      index.remove(movieId, fields);
    },
    writeCounts(): void {
      for (const [key, { name, movies }] of counts) addToGenre.run(key, name, movies);
      counts.clear();
    },
    forgetCounts: (): void => counts.clear(),
  };
}

/** Rows of states that are not shown. */
function stateRows(db: Database) {
  const select = db.$client.prepare<[number], Omit<SiteState, 'fields'> & { fields: string | null }>(
    'SELECT site, time, revision, fields FROM other_states WHERE movie_id = ?',
  );
  const insert = db.$client.prepare(
    'INSERT OR REPLACE INTO other_states (movie_id, site, time, revision, fields) VALUES (?, ?, ?, ?, ?)',
  );
  const clear = db.$client.prepare('DELETE FROM other_states WHERE movie_id = ?');
  return {
    of: (movieId: number): SiteState[] =>
      select.all(movieId).map((row) => ({ ...row, fields: row.fields === null ? null : JSON.parse(row.fields) })),
    put(movieId: number, { site, time, revision, fields }: SiteState): void {
      insert.run(movieId, site, time, revision, fields && JSON.stringify(fields));
    },
    clear(movieId: number): void {
      clear.run(movieId);
    },
  };
}
