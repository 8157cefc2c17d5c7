/** From rows to answers. Documents are sent as they are stored; nothing is decoded on the way. */
import { type CursorKey, decodeCursor, paginate } from '../../shared/operations/cursor.ts';
import { fold } from '../../shared/operations/text.ts';
import type { Database } from '../../shared/views/database.ts';
import type { SortField } from './contract.ts';
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

const columns: Record<SortField, string> = {
  movieId: 'movie_id',
  title: 'title_key',
  year: 'year',
  rating: 'rating',
  popularity: 'votes',
};

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
  const document = db.$client.prepare<[number], Document>('SELECT document, revision FROM movies WHERE movie_id = ?');
  // Not max(revision): an aggregate, or a sort, takes ten times as long as the few rows that there can be.
  const others = db.$client.prepare<[number], number>('SELECT revision FROM other_states WHERE movie_id = ?').pluck();
  const goneRevision = (movieId: number): number => Math.max(0, ...others.all(movieId));
  const genre = db.$client.prepare<[string], { movies: number }>('SELECT movies FROM genres WHERE genre_key = ?');
  const genres = db.$client.prepare<[], { genre: string; movies: number }>(
    'SELECT name AS genre, movies FROM genres WHERE movies > 0 ORDER BY genre_key',
  );
  const count = db.$client.prepare<[], { movies: number }>(
    'SELECT count(*) AS movies FROM (SELECT 1 FROM movies LIMIT 1)',
  );
  const search = new Search(db);
  const lists = new Map<string, ReturnType<typeof db.$client.prepare<unknown[], ListRow>>>();

  return {
    /** A movie's document and revision. */
    get: (movieId: number): Document | undefined => document.get(movieId),
    /** Revision of the last event of a movie, also of one that is gone; 0 where there was none. */
    lastRevision: (movieId: number) => document.get(movieId)?.revision ?? goneRevision(movieId),
    /** The same of a movie that is known to be gone, or never was. */
    goneRevision,
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
    genres: () => genres.all(),
    isEmpty: () => count.get()?.movies === 0,
    /** A page of documents as JSON. @throws AppError invalid for a cursor of another list. */
    list(input: ListInput): string {
      const descending = input.sort.startsWith('-');
      const column = columns[input.sort.replace('-', '') as SortField];
      const genreKey = input.genre === undefined ? undefined : fold(input.genre);
      const scope = JSON.stringify(['list', input.sort, genreKey, input.year, input.minRating]);
      const after = input.cursor === undefined ? undefined : decodeCursor(scope, input.cursor, 2);
      const size = genreKey === undefined ? undefined : (genre.get(genreKey)?.movies ?? 0);
      if (size === 0) return '{"items":[],"next":null}';

      const sql = listSql({ ...input, column, descending, size, after });
      let statement = lists.get(sql);
      if (!statement) {
        statement = db.$client.prepare<unknown[], ListRow>(sql);
        lists.set(sql, statement);
      }
      const values = { genre: genreKey, year: input.year, minRating: input.minRating, limit: input.limit + 1 };
      const rows = statement.all({ ...values, key: after?.[0], id: after?.[1] });
      const { items, next } = paginate(rows, input.limit, scope, (row): CursorKey => [row.key, row.id]);
      return pageOf(
        items.map((row) => row.document),
        next,
      );
    },
    search(text: string, limit: number, cursor: string | undefined): string {
      const { documents, next } = search.find(text, limit, cursor);
      return pageOf(documents, next);
    },
  };
}

function pageOf(documents: string[], next: string | null): string {
  return `{"items":[${documents.join(',')}],"next":${JSON.stringify(next)}}`;
}

interface ListShape extends Pick<ListInput, 'year' | 'minRating'> {
  column: string;
  descending: boolean;
  /** Number of movies of the genre asked for; undefined when none is. */
  size: number | undefined;
  after: CursorKey | undefined;
}

/** The SQL of a list. There are a few hundred shapes at most, and each is prepared once. */
function listSql({ column, descending, size, after, year, minRating }: ListShape): string {
  const conditions: string[] = [];
  const byGenre = size !== undefined && size <= smallGenre;
  if (size !== undefined) {
    const own = 'g.genre_key = :genre AND g.movie_id = m.movie_id';
    conditions.push(byGenre ? own : `EXISTS (SELECT 1 FROM movie_genres g WHERE ${own})`);
  }
  // A + keeps SQLite from the index of a filter where the order's own index, or the genre, is the better way.
  if (year !== undefined) conditions.push(byGenre ? '+m.year = :year' : 'm.year = :year');
  if (minRating !== undefined)
    conditions.push(column === 'rating' ? 'm.rating >= :minRating' : '+m.rating >= :minRating');
  if (after) {
    const key = column === 'movie_id' ? 'm.movie_id' : `(m.${column}, m.movie_id)`;
    const values = column === 'movie_id' ? ':id' : '(:key, :id)';
    conditions.push(`${key} ${descending ? '<' : '>'} ${values}`);
  }
  const direction = descending ? 'DESC' : 'ASC';
  const order = column === 'movie_id' ? `m.movie_id ${direction}` : `m.${column} ${direction}, m.movie_id ${direction}`;
  return `SELECT m.movie_id AS id, m.${column} AS key, m.document
    FROM ${byGenre ? 'movie_genres g CROSS JOIN movies m' : 'movies m'}
    ${conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''}
    ORDER BY ${order} LIMIT :limit`;
}
