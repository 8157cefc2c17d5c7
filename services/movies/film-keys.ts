/** The titles by which a film of a file is found in the catalogue again. */
import { and, eq, sql } from 'drizzle-orm';
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
    this.#put = insertNew(db, filmKeys).prepare();
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
  const selected = { movieId, year, directors, revision: movies.revision };
  const ofMovie = eq(movies.movieId, movieId);
  const all = db.select(selected).from(filmKeys).innerJoin(movies, ofMovie).where(ofTitle).prepare();
  const ofYear = db
    .select(selected)
    .from(filmKeys)
    .innerJoin(movies, ofMovie)
    .where(and(ofTitle, sql`${year} IN (${asked('year')}, 0)`))
    .prepare();
  /** Films with that title; where a year is given, those of that year and those whose year is not known. */
  return (titleKey: string, inYear?: number): KeyedFilm[] => {
    const rows = inYear === undefined ? all.all({ titleKey }) : ofYear.all({ titleKey, year: inYear });
    return rows.map((row) => ({ ...row, directors: row.directors === '' ? [] : row.directors.split(separator) }));
  };
}
