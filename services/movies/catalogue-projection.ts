/** Projection of catalogue events to rows. */
import { eq, sql } from 'drizzle-orm';
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { type Database, lateIndices } from '../../shared/views/database.ts';
import { upsert } from '../../shared/views/prepared.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { winnerOf, withState } from '../../shared/views/sites.ts';
import { type MovieFields, type MovieState, movieFields, movieStated, statedMovieId } from './contract.ts';
import { FilmKeys } from './film-keys.ts';
import { fold } from './fold.ts';
import { GenreRows } from './genre-rows.ts';
import { movieIndices, movies, otherStates } from './schema.ts';
import { SearchIndex } from './search/search-index.ts';

/** The last state of a movie at one site. `fields` is null if that site removed the movie. */
interface SiteState {
  site: string;
  time: number;
  revision: number;
  fields: MovieFields | null;
}

/** Prepares the projection of CATALOGUE. */
export function catalogueProjection(db: Database): Projection {
  const indices = lateIndices(db, movieIndices);
  const isBuilt = !indices.missing().includes('movies_by_title');
  const index = new SearchIndex(db, isBuilt);
  const genres = new GenreRows(db, isBuilt);
  const rows = movieRows(db, genres, index);
  const states = stateRows(db);

  function apply(event: StoredEvent): void {
    const { movieId, state } = siteState(event);
    const shown = rows.get(movieId);
    const others = states.of(movieId);
    const known = [...others, ...(shown ? [shown] : [])];
    // Undefined for a redelivered event, which has been applied already.
    const all = withState(known, state);
    if (!all) return;
    const winner = winnerOf(all) ?? state;
    const revision = Math.max(...all.map((one) => one.revision));
    if (others.length > 0) states.clear(movieId);
    for (const one of all) if (one !== winner || one.fields === null) states.put(movieId, one);
    if (shown) rows.remove(movieId, shown.fields as MovieFields);
    if (winner.fields) rows.put(movieId, winner, winner.fields, revision);
  }

  return {
    stream: 'CATALOGUE',
    filter: 'catalogue.>',
    events: [movieStated],
    apply,
    finish() {
      genres.flush();
      index.flush();
    },
    complete() {
      if (genres.writeBatch()) return 'wrote genres of movies';
      if (index.writeVariants()) return 'wrote variants of words';
      return indices.add();
    },
    abandon() {
      genres.clear();
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

/** Rows of shown movies, with their genres, title keys and search index. */
function movieRows(db: Database, genres: GenreRows, index: SearchIndex) {
  const keys = new FilmKeys(db);
  const asked = sql.placeholder;
  const { site, time, revision, document } = movies;
  const ofMovie = eq(movies.movieId, asked('movieId'));
  const select = db.select({ site, time, revision, document }).from(movies).where(ofMovie).prepare();
  const put = upsert(db, movies, [movies.movieId]);
  const remove = db.delete(movies).where(ofMovie).prepare();
  return {
    get(movieId: number): SiteState | undefined {
      const row = select.get({ movieId });
      return row && { ...row, fields: movieFields.parse(JSON.parse(row.document)) };
    },
    put(movieId: number, state: SiteState, fields: MovieFields, revision: number): void {
      const document = JSON.stringify({ movieId, ...fields, revision });
      const { site, time } = state;
      const facts = { year: fields.year ?? 0, rating: fields.rating ?? 0, votes: fields.votes ?? 0 };
      put.run({ movieId, revision, site, time, titleKey: fold(fields.title), ...facts, document });
      genres.add(movieId, fields);
      index.add(movieId, fields);
      keys.add(movieId, fields);
    },
    remove(movieId: number, fields: MovieFields): void {
      remove.run({ movieId });
      genres.remove(movieId, fields);
      index.remove(movieId, fields);
      keys.remove(movieId, fields);
    },
  };
}

/** Rows of states that are not shown: removed movies, and states that lost to another site's. */
function stateRows(db: Database) {
  const ofMovie = eq(otherStates.movieId, sql.placeholder('movieId'));
  const select = db.select().from(otherStates).where(ofMovie).prepare();
  const put = upsert(db, otherStates, [otherStates.movieId, otherStates.site]);
  const clear = db.delete(otherStates).where(ofMovie).prepare();
  return {
    of: (movieId: number): SiteState[] =>
      select.all({ movieId }).map((row) => ({ ...row, fields: row.fields === null ? null : JSON.parse(row.fields) })),
    put(movieId: number, { site, time, revision, fields }: SiteState): void {
      put.run({ movieId, site, time, revision, fields: fields && JSON.stringify(fields) });
    },
    clear(movieId: number): void {
      clear.run({ movieId });
    },
  };
}
