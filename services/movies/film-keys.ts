/** The titles by which a film of a file is found in the catalogue again. */
import { and, eq, type SQL, sql } from 'drizzle-orm';
import type { Database } from '../../shared/views/database.ts';
import { insertNew, matching } from '../../shared/views/prepared.ts';
import type { MovieFields } from './contract.ts';
import { directorKeys, titleKeys } from './film-identity.ts';
import { filmKeys, movies } from './schema.ts';

const separator = '|';

/** Keeps the keys of movies beside their rows. */
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
  /** Of its last event. */
  revision: number;
  /** 0 where not known. */
  year: number;
  directors: string[];
}

/** Finds films by a key of their titles. */
export function filmFinder(db: Database) {
  const asked = sql.placeholder;
  const { movieId, year, directors } = filmKeys;
  const ofTitle = eq(filmKeys.titleKey, asked('titleKey'));
  const those = (where: SQL | undefined) =>
    db.select({ movieId, year, directors }).from(filmKeys).where(where).prepare();
  const all = those(ofTitle);
  const ofYear = those(and(ofTitle, sql`${year} IN (${asked('year')}, 0)`));
  // Not joined: SQLite plans a join anew for each title, and most titles of an import are new.
  const revisionOf = db
    .select({ revision: movies.revision })
    .from(movies)
    .where(eq(movies.movieId, asked('movieId')))
    .prepare();
  /** Films with that title; where a year is given, those of that year and those whose year is not known. */
  return (titleKey: string, inYear?: number): KeyedFilm[] => {
    const rows = inYear === undefined ? all.all({ titleKey }) : ofYear.all({ titleKey, year: inYear });
    return rows.map(({ movieId, year, directors }) => ({
      movieId,
      year,
      directors: directors === '' ? [] : directors.split(separator),
      revision: revisionOf.get({ movieId })?.revision ?? 0,
    }));
  };
}
