/** Queries of the movies view. Movies are stored as JSON and returned without being parsed. */
import { and, eq, gt, gte, max, notExists, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/sqlite-core';
import type { Database } from '../../shared/views/database.ts';
import { fold, type MovieFields, type Suggestion } from './contract.ts';
import { filmFinder } from './film-keys.ts';
import { type ListInput, movieLists } from './lists.ts';
import { genres, movieGenres, movies, removedMovies } from './schema.ts';
import { Search } from './search/search.ts';
import { searchAnswer, sortedPage } from './search/search-answers.ts';
import { Suggestions } from './search/suggestions.ts';

/** A search with filters; without `sort`, the best matches come first. */
export type SearchInput = Omit<ListInput, 'sort'> & { sort?: ListInput['sort'] | undefined };

/** Number of best matches that are sorted when a search has a `sort`. */
const maxSorted = 500;

export type MovieQueries = ReturnType<typeof movieQueries>;

/** A movie's JSON without its likes, and its revision. */
export interface Document {
  document: string;
  revision: number;
}

/** Prepares the queries of a movies view. */
export function movieQueries(db: Database) {
  const asked = sql.placeholder;
  const document = db
    .select({ document: movies.document, revision: movies.revision })
    .from(movies)
    .where(eq(movies.movieId, asked('movieId')))
    .prepare();
  const removed = db
    .select({ revision: removedMovies.revision })
    .from(removedMovies)
    .where(eq(removedMovies.movieId, asked('movieId')))
    .prepare();
  const allGenres = db
    .select({ genreKey: genres.genreKey, movies: genres.movies })
    .from(genres)
    .where(gt(genres.movies, 0))
    .orderBy(genres.genreKey)
    .prepare();
  const firstOfGenre = db
    .select({ movieId: movieGenres.movieId })
    .from(movieGenres)
    .where(eq(movieGenres.genreKey, asked('genreKey')))
    .orderBy(movieGenres.year, movieGenres.movieId)
    .limit(1)
    .prepare();
  // A genre is spelled as its first movie by year and id spells it. The earliest event cannot decide, because the
  // stream keeps only the last events of each movie, and a rebuilt view would differ.
  const nameOf = (genreKey: string): string => {
    const found = document.get({ movieId: firstOfGenre.get({ genreKey })?.movieId });
    const names = found ? (JSON.parse(found.document) as Pick<MovieFields, 'genres'>).genres : [];
    return names.find((name) => fold(name) === genreKey) ?? genreKey;
  };
  const search = new Search(db);
  const suggest = new Suggestions(db);
  const films = filmFinder(db);
  const highest = db
    .select({ id: max(movies.movieId) })
    .from(movies)
    .prepare();
  const highestRemoved = db
    .select({ id: max(removedMovies.movieId) })
    .from(removedMovies)
    .prepare();
  const next = alias(movies, 'next');
  const id = sql<number>`${movies.movieId} + 1`;
  const gap = db
    .select({ id })
    .from(movies)
    .where(
      and(
        gte(movies.movieId, asked('after')),
        notExists(db.select({ one: sql`1` }).from(next).where(eq(next.movieId, id))),
      ),
    )
    .orderBy(movies.movieId)
    .limit(1)
    .prepare();

  return {
    /** A movie's document and revision. */
    get: (movieId: number): Document | undefined => document.get({ movieId }),
    /** Revision of a movie's last removal; 0 if it was never removed. */
    removedRevision: (movieId: number): number => removed.get({ movieId })?.revision ?? 0,
    films,
    /** The highest id that a movie has or had; 0 if there has been no movie. */
    highestId: (): number => Math.max(highest.get()?.id ?? 0, highestRemoved.get()?.id ?? 0),
    /** The first id greater than `after` that no movie has. */
    gapAfter: (after: number): number => {
      const free = !document.get({ movieId: after + 1 });
      return free ? after + 1 : (gap.get({ after: after + 1 })?.id ?? after + 1);
    },
    /** Runs reads in one transaction, which locks the file once; of an async `read`, those before its first await. */
    inTransaction<T>(read: () => T): T {
      let result!: T;
      // better-sqlite3 does not allow a transaction to return a promise.
      db.$client.transaction(() => {
        result = read();
      })();
      return result;
    },
    genres: () => allGenres.all().map(({ genreKey, movies }) => ({ genre: nameOf(genreKey), movies })),
    list: movieLists(db),
    /** Returns a page of results as JSON, best first or sorted. @throws AppError invalid for another list's cursor */
    search(text: string, { sort, limit, cursor, ...filters }: SearchInput): string {
      if (sort === undefined) {
        return searchAnswer(search.find(text, { ...filters, limit, cursor }));
      }
      const all = search.find(text, { ...filters, limit: maxSorted });
      return searchAnswer({ ...all, ...sortedPage(all.found, sort, limit, ['search', text, filters], cursor) });
    },
    /** Returns titles and people that complete what is being typed. */
    suggest: (text: string): Suggestion[] => suggest.suggest(text),
  };
}
