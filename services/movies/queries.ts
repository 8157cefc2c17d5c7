/** From rows to answers. Documents are sent as they are stored; nothing is decoded on the way. */
import { and, eq, gt, gte, max, notExists, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/sqlite-core';
import type { Database } from '../../shared/views/database.ts';
import { fold, type MovieFields, type Suggestion } from './contract.ts';
import { filmFinder } from './film-keys.ts';
import { type ListInput, movieLists } from './lists.ts';
import { genres, movieGenres, movies, otherStates } from './schema.ts';
import { Search } from './search/search.ts';
import { searchAnswer, sortedPage } from './search/search-answers.ts';
import { Suggestions } from './search/suggestions.ts';

/** A search with filters; without `sort`, best first. */
export type SearchInput = Omit<ListInput, 'sort'> & { sort?: ListInput['sort'] | undefined };

/** Most movies of a search that is sorted by something else. */
const mostSorted = 500;

export type MovieQueries = ReturnType<typeof movieQueries>;

/** The answer's JSON without its likes, and the revision. */
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
  // Not max(revision): an aggregate, or a sort, takes ten times as long as the few rows that there can be.
  const others = db
    .select({ revision: otherStates.revision })
    .from(otherStates)
    .where(eq(otherStates.movieId, asked('movieId')))
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
  // As a movie of the catalogue writes it. Who wrote it first is no longer known where a view is built anew: the stream keeps
  // the last events of each movie only.
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
  const highestOther = db
    .select({ id: max(otherStates.movieId) })
    .from(otherStates)
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
    /** Revision of the last event of a movie that is gone; 0 where there was none. */
    goneRevision: (movieId: number): number => Math.max(0, ...others.all({ movieId }).map(({ revision }) => revision)),
    films,
    /** The highest id that a movie has or had; 0 where there was none. */
    highestId: (): number => Math.max(highest.get()?.id ?? 0, highestOther.get()?.id ?? 0),
    /** An id behind that one which no movie has. */
    gapAfter: (after: number): number => {
      const free = !document.get({ movieId: after + 1 });
      return free ? after + 1 : (gap.get({ after: after + 1 })?.id ?? after + 1);
    },
    /**
     * Runs many reads as one: each alone would lock the file and unlock it. Where `read` is asynchronous, those that it
     * does before it waits for anything.
     */
    together<T>(read: () => T): T {
      let result!: T;
      // Returning a promise from the transaction itself is an error.
      db.$client.transaction(() => {
        result = read();
      })();
      return result;
    },
    genres: () => allGenres.all().map(({ genreKey, movies }) => ({ genre: nameOf(genreKey), movies })),
    list: movieLists(db),
    /** A page of what a search finds, as JSON: best first, or sorted. @throws AppError invalid for a cursor of another. */
    search(text: string, { sort, limit, cursor, ...filters }: SearchInput): string {
      if (sort === undefined) {
        return searchAnswer(search.find(text, { ...filters, limit, cursor }));
      }
      const all = search.find(text, { ...filters, limit: mostSorted });
      return searchAnswer({ ...all, ...sortedPage(all.found, sort, limit, ['search', text, filters], cursor) });
    },
    /** Titles and people for what is being typed. */
    suggest: (text: string): Suggestion[] => suggest.suggest(text),
  };
}
