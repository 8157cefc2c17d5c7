/** Title keys, by which an import finds the films of a file in the catalogue. */
import { and, eq, type SQL, sql } from 'drizzle-orm';
import type { Database } from '../../shared/views/database.ts';
import { insertNew, matching } from '../../shared/views/prepared.ts';
import type { MovieFields } from './contract.ts';
import { directorKeys, titleKeys } from './film-identity.ts';
import { filmKeys, movies } from './schema.ts';

const separator = '|';

/** Writes the keys of movies. */
export class FilmKeys {
  readonly #put;
  readonly #remove;

  constructor(db: Database) {
    this.#put = insertNew(db, filmKeys);
    this.#remove = db
      .delete(filmKeys)
      .where(matching(filmKeys, 'titleKey', 'year', 'movieId'))
      .prepare();
  }

  add(movieId: number, fields: MovieFields): void {
    const directors = directorKeys(fields.director).join(separator);
    const year = fields.year ?? 0;
    for (const titleKey of titleKeys(fields)) this.#put.run({ titleKey, year, movieId, directors });
  }

  remove(movieId: number, fields: MovieFields): void {
    const year = fields.year ?? 0;
    for (const titleKey of titleKeys(fields)) this.#remove.run({ titleKey, year, movieId });
  }
}

export interface KeyedFilm {
  movieId: number;
  /** Revision of the movie's last event. */
  revision: number;
  /** 0 if unknown. */
  year: number;
  directors: string[];
}

/** Prepares the search for films by title key. */
export function filmFinder(db: Database) {
  const asked = sql.placeholder;
  const { movieId, year, directors } = filmKeys;
  const ofTitle = eq(filmKeys.titleKey, asked('titleKey'));
  const select = (where: SQL | undefined) =>
    db.select({ movieId, year, directors }).from(filmKeys).where(where).prepare();
  const ofAnyYear = select(ofTitle);
  const ofYear = select(and(ofTitle, sql`${year} IN (${asked('year')}, 0)`));
  // Not a join, which SQLite would plan again for each title: most titles of an import are new and need no revision.
  const revisionOf = db
    .select({ revision: movies.revision })
    .from(movies)
    .where(eq(movies.movieId, asked('movieId')))
    .prepare();
  /** Returns the films with a title; given a year, only those of that year or of an unknown year. */
  return (titleKey: string, inYear?: number): KeyedFilm[] => {
    const rows = inYear === undefined ? ofAnyYear.all({ titleKey }) : ofYear.all({ titleKey, year: inYear });
    return rows.map(({ movieId, year, directors }) => ({
      movieId,
      year,
      directors: directors === '' ? [] : directors.split(separator),
      revision: revisionOf.get({ movieId })?.revision ?? 0,
    }));
  };
}
