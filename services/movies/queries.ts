/** From rows to answers. Documents are sent as they are stored; nothing is decoded on the way. */
import { and, asc, desc, eq, exists, gt, gte, lt, max, notExists, type SQL, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/sqlite-core';
import { type CursorKey, decodeCursor, documentPage, jsonPage } from '../../shared/operations/cursor.ts';
import { fold } from '../../shared/operations/text.ts';
import type { Database } from '../../shared/views/database.ts';
import type { SortField, Suggestion } from './contract.ts';
import { filmFinder } from './film-keys.ts';
import { genres, movieGenres, movies, otherStates } from './schema.ts';
import { Search } from './search.ts';

export interface ListInput {
  genre?: string | undefined;
  year?: number | undefined;
  minRating?: number | undefined;
  sort: SortField | `-${SortField}`;
  limit: number;
  cursor?: string | undefined;
}

interface ListRow {
  id: number;
  key: string | number;
  document: string;
}

const columns = {
  movieId: movies.movieId,
  title: movies.titleKey,
  year: movies.year,
  rating: movies.rating,
  popularity: movies.votes,
} satisfies Record<SortField, unknown>;

/** Up to as many movies, a genre is sorted as a whole; above, the sorted movies are walked until a page is full. */
const smallGenre = 5000;

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
  const genre = db
    .select({ movies: genres.movies })
    .from(genres)
    .where(eq(genres.genreKey, asked('genreKey')))
    .prepare();
  const allGenres = db
    .select({ genre: genres.name, movies: genres.movies })
    .from(genres)
    .where(gt(genres.movies, 0))
    .orderBy(genres.genreKey)
    .prepare();
  const search = new Search(db);
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
  const lists = new Map<string, ListQuery>();

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
    genres: () => allGenres.all(),
    /** A page of documents as JSON. @throws AppError invalid for a cursor of another list. */
    list(input: ListInput): string {
      const { sort, year, minRating } = input;
      const genreKey = input.genre === undefined ? undefined : fold(input.genre);
      const scope = JSON.stringify(['list', sort, genreKey, year, minRating]);
      const after = input.cursor === undefined ? undefined : decodeCursor(scope, input.cursor, 2);
      const size = genreKey === undefined ? undefined : (genre.get({ genreKey })?.movies ?? 0);
      if (size === 0) return jsonPage([], null);

      const shape: ListShape = {
        sort,
        genre: size === undefined ? 'none' : size <= smallGenre ? 'small' : 'large',
        year: year !== undefined,
        minRating: minRating !== undefined,
        continued: after !== undefined,
      };
      const name = JSON.stringify(shape);
      const query = lists.get(name) ?? listQuery(db, shape);
      lists.set(name, query);
      const rows = query.all({ genreKey, year, minRating, limit: input.limit + 1, key: after?.[0], id: after?.[1] });
      return documentPage(rows, input.limit, scope, (row): CursorKey => [row.key, row.id]);
    },
    /** Up to ten titles for what is being typed. */
    suggest(text: string): Suggestion[] {
      return search.find(text, 10, undefined).documents.map((document) => {
        const { title, movieId, year } = JSON.parse(document) as {
          title: string;
          movieId: number;
          year: number | null;
        };
        return { kind: 'title', text: title, movieId, year };
      });
    },
    search(text: string, limit: number, cursor: string | undefined): string {
      const { documents, next } = search.find(text, limit, cursor);
      return jsonPage(documents, next);
    },
  };
}

/** What makes a query of a list another one: a few hundred combinations at most, and each is prepared once. */
interface ListShape {
  sort: ListInput['sort'];
  genre: 'none' | 'small' | 'large';
  year: boolean;
  minRating: boolean;
  /** Whether it begins behind a cursor. */
  continued: boolean;
}

interface ListQuery {
  all(values: Record<string, unknown>): ListRow[];
}

/** The query of a list, prepared. */
function listQuery(db: Database, { sort, genre, year, minRating, continued }: ListShape): ListQuery {
  const asked = sql.placeholder;
  const { movieId, document } = movies;
  const descending = sort.startsWith('-');
  const column = columns[sort.replace('-', '') as SortField];
  const byGenre = genre === 'small';
  const ofGenre = and(eq(movieGenres.genreKey, asked('genreKey')), eq(movieGenres.movieId, movieId));
  const ofYear = eq(movies.year, asked('year'));
  const rated = gte(movies.rating, asked('minRating'));
  const conditions: (SQL | undefined)[] = [
    genre === 'large' ? exists(db.select({ one: sql`1` }).from(movieGenres).where(ofGenre)) : undefined,
    byGenre ? ofGenre : undefined,
    // A + keeps SQLite from the index of a filter where the order's own index, or the genre, is the better way.
    year ? (byGenre ? sql`+${ofYear}` : ofYear) : undefined,
    minRating ? (column === movies.rating ? rated : sql`+${rated}`) : undefined,
    continued ? behind(column, descending) : undefined,
  ];
  const direction = descending ? desc : asc;
  const selected = { id: movieId, key: sql<string | number>`${column}`, document };
  // CROSS JOIN is SQLite's way to say which table to begin with.
  const from = byGenre ? db.select(selected).from(movieGenres).crossJoin(movies) : db.select(selected).from(movies);
  return from
    .where(and(...conditions))
    .orderBy(...(column === movieId ? [direction(movieId)] : [direction(column), direction(movieId)]))
    .limit(asked('limit'))
    .prepare();
}

/** The condition that a movie comes behind the one of a cursor. */
function behind(column: (typeof columns)[SortField], descending: boolean): SQL {
  const asked = sql.placeholder;
  const { movieId } = movies;
  if (column === movieId) return descending ? lt(movieId, asked('id')) : gt(movieId, asked('id'));
  return sql`(${column}, ${movieId}) ${sql.raw(descending ? '<' : '>')} (${asked('key')}, ${asked('id')})`;
}
