/** Projection of catalogue events to rows. */
import { eq, sql } from 'drizzle-orm';
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { type Database, lateIndices } from '../../shared/views/database.ts';
import { insertNew, upsert } from '../../shared/views/prepared.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { type MovieFields, type MovieState, movieFields, movieStated, statedMovieId } from './contract.ts';
import { FilmKeys } from './film-keys.ts';
import { fold } from './fold.ts';
import { GenreRows } from './genre-rows.ts';
import { movieIndices, movies, removedMovies } from './schema.ts';
import { SearchIndex } from './search/search-index.ts';

/** Prepares the projection of CATALOGUE. */
export function catalogueProjection(db: Database): Projection {
  const indices = lateIndices(db, movieIndices);
  const isBuilt = !indices.missing().includes('movies_by_title');
  const index = new SearchIndex(db, isBuilt);
  const genres = new GenreRows(db, isBuilt);
  const rows = movieRows(db, genres, index);
  const putRemoved = upsert(db, removedMovies, [removedMovies.movieId]);

  /** Applies an event. Only one site writes the catalogue, so a movie's last event in the stream counts. */
  function apply(event: StoredEvent): void {
    const movieId = statedMovieId(event);
    const { sequence: revision } = event;
    const data = event.data as MovieState;
    rows.remove(movieId);
    if (data.removed) {
      putRemoved.run({ movieId, revision });
    } else {
      const { removed: _, movieId: __, ...fields } = data;
      rows.put(movieId, revision, fields);
    }
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

/** Rows of movies, with their genres, title keys and search index. */
function movieRows(db: Database, genres: GenreRows, index: SearchIndex) {
  const keys = new FilmKeys(db);
  const asked = sql.placeholder;
  const ofMovie = eq(movies.movieId, asked('movieId'));
  const select = db.select({ document: movies.document }).from(movies).where(ofMovie).prepare();
  const put = insertNew(db, movies);
  const remove = db.delete(movies).where(ofMovie).prepare();
  return {
    put(movieId: number, revision: number, fields: MovieFields): void {
      const document = JSON.stringify({ movieId, ...fields, revision });
      const facts = { year: fields.year ?? 0, rating: fields.rating ?? 0, votes: fields.votes ?? 0 };
      put.run({ movieId, revision, titleKey: fold(fields.title), ...facts, document });
      genres.add(movieId, fields);
      index.add(movieId, fields);
      keys.add(movieId, fields);
    },
    /** Removes a movie's rows, if there are any. */
    remove(movieId: number): void {
      const row = select.get({ movieId });
      if (!row) return;
      const fields = movieFields.parse(JSON.parse(row.document));
      remove.run({ movieId });
      genres.remove(movieId, fields);
      index.remove(movieId, fields);
      keys.remove(movieId, fields);
    },
  };
}
