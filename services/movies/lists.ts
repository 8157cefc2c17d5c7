/**
 * Lists of movies: filtered, sorted and paged. Few matches are read and sorted. When many movies match, the catalogue
 * is walked in list order, because a page is soon full. Both ways read an index that has all filtered columns, and
 * movie rows only for the page. Plain SQL: SQLite's planner, which has no statistics, would choose other indices.
 */
import { z } from 'zod';
import { decodeCursor, jsonPage, type PageInput, paginate } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import type { SortField } from './contract.ts';
import { fold } from './fold.ts';

export interface ListInput extends PageInput {
  genre?: string | undefined;
  year?: number | undefined;
  minRating?: number | undefined;
  sort: SortField | `-${SortField}`;
}

interface ListRow {
  id: number;
  key: string | number;
  document: string;
}

/** Content of a cursor: the sort value and the id of the last movie of its page. */
export const lastOfPage = z.tuple([z.union([z.string(), z.number()]), z.int()]);

/** Most matches that are sorted. Fewer by title, which only the movie rows and one index have. */
const maxSorted = { movies: 20_000, titles: 4000 };

/** Most matches worth sorting. A walk gets faster with their share, so this grows as the catalogue's square root. */
export const sortingLimit = (max: number, movies: number): number => Math.min(max, Math.ceil(14 * Math.sqrt(movies)));

const byYear = 'movies_by_year';

const columns: Record<SortField, { column: string; walk: string }> = {
  movieId: { column: 'movie_id', walk: 'movies' },
  title: { column: 'title_key', walk: 'movies INDEXED BY movies_by_title' },
  year: { column: 'year', walk: `movies INDEXED BY ${byYear}` },
  rating: { column: 'rating', walk: 'movies INDEXED BY movies_by_rating' },
  popularity: { column: 'votes', walk: 'movies INDEXED BY movies_by_votes' },
};

/** Sorts in which unknown values come first, because they are stored as 0, and have to be moved to the end. */
export const unknownLast: ReadonlySet<ListInput['sort']> = new Set(['year', 'rating']);

/** Everything that determines the SQL of a list. There are a few hundred shapes, each prepared once. */
export interface ListShape {
  sort: ListInput['sort'];
  genre: boolean;
  year: boolean;
  minRating: boolean;
  /** Whether the page starts after a cursor. */
  continued: boolean;
  /** Whether the matches are read, and sorted unless they come in list order. Otherwise the catalogue is walked. */
  matchesFirst: boolean;
  /** true: only movies whose sort value is known; false: only the others; undefined: both. */
  known?: boolean;
}

/** Prepares the lists of a view. */
export function movieLists(db: Database, maxOf = maxSorted) {
  const statement = (text: string) => db.$client.prepare<[Record<string, unknown>]>(text);
  const prepared = new Map<string, ReturnType<typeof statement>>();
  const prepare = (name: string, text: () => string) => {
    const found = prepared.get(name) ?? statement(text());
    prepared.set(name, found);
    return found;
  };

  const highest = db.$client.prepare<[], number | null>('SELECT max(movie_id) FROM movies').pluck();

  function readsMatchesFirst(
    shape: Omit<ListShape, 'matchesFirst' | 'continued'>,
    values: Record<string, unknown>,
  ): boolean {
    const { sort, genre, year, minRating } = shape;
    if (!genre && !year && !minRating) return false;
    // Matches need not be counted if an index has them in list order.
    if (isOfOneYear(shape)) return genre;
    if (sort.endsWith('rating') && !year) return false;
    const max = sortingLimit(sort.endsWith('title') ? maxOf.titles : maxOf.movies, highest.get() ?? 0);
    const query = prepare(`count ${genre} ${year} ${minRating}`, () => countQuery(shape));
    const { count } = query.get({ ...values, max }) as { count: number };
    return count < max;
  }

  /** Returns a page of movies as JSON. @throws AppError invalid for another list's cursor */
  return function list(input: ListInput): string {
    const { sort, year, minRating } = input;
    const genre = input.genre === undefined ? undefined : fold(input.genre);
    // Older versions listed unknown values first. A cursor of theirs would end this list early, so the scope differs.
    const scope = JSON.stringify([unknownLast.has(sort) ? 'unknown last' : 'list', sort, genre, year, minRating]);
    const after = input.cursor === undefined ? undefined : decodeCursor(scope, input.cursor, lastOfPage);
    const filters = { genre: genre !== undefined, year: year !== undefined, minRating: minRating !== undefined };
    const values = {
      ...(filters.genre ? { genre } : {}),
      ...(filters.year ? { year } : {}),
      ...(filters.minRating ? { minRating } : {}),
    };
    const matchesFirst = readsMatchesFirst({ sort, ...filters }, values);
    const shape: ListShape = { sort, ...filters, continued: after !== undefined, matchesFirst };
    const position = after ? { ...(sort.endsWith('movieId') ? {} : { key: after[0] }), id: after[1] } : {};
    const rows: ListRow[] = [];
    for (const part of partsOf(shape, after?.[0])) {
      const query = prepare(JSON.stringify(part), () => listQuery(part));
      const limit = input.limit + 1 - rows.length;
      rows.push(...(query.all({ ...values, ...position, limit }) as ListRow[]));
      if (rows.length > input.limit) break;
    }
    return jsonPage(paginate(rows, input.limit, scope, ({ key, id }) => [key, id]));
  };
}

/** Splits an ascending list so that unknown years and ratings (0) come last. @param key sort value of the cursor */
function partsOf(shape: ListShape, key: unknown): ListShape[] {
  if (!unknownLast.has(shape.sort)) return [shape];
  if (key === 0) return [{ ...shape, known: false }];
  return [
    { ...shape, known: true },
    { ...shape, known: false, continued: false },
  ];
}

type Filters = Pick<ListShape, 'genre' | 'year' | 'minRating'>;
type FiltersOfPage = Filters & Partial<Pick<ListShape, 'sort' | 'continued'>>;

const byGenreAndRating = 'movie_genres INDEXED BY movie_genres_by_rating';

/** Returns the table or index with the matches in one range; only a rating beside a year is checked row by row. */
function sourceOf({ genre, year, minRating }: Filters): string {
  if (genre && year) return 'movie_genres';
  if (genre) return minRating ? byGenreAndRating : 'movie_genres';
  return year ? `movies INDEXED BY ${byYear}` : 'movies INDEXED BY movies_by_rating';
}

/**
 * Returns the conditions of the filters. The + before the rating keeps the planner from using another index for it,
 * and, after a cursor, from starting at the least rating instead of at the cursor.
 */
function conditions({ genre, year, minRating, sort, continued }: FiltersOfPage, source = ''): string[] {
  const plus = source === 'movie_genres' || (sort === 'rating' && continued) ? '+' : '';
  return [
    ...(genre ? ['genre_key = @genre'] : []),
    ...(year ? ['year = @year'] : []),
    ...(minRating ? [`${plus}rating >= @minRating`] : []),
  ];
}

/** Whether all movies of a list have the same year and are sorted by id. */
const isOfOneYear = ({ sort, year }: Pick<ListShape, 'sort' | 'year'>): boolean => year && /year|movieId/.test(sort);

/** Returns the query that counts matches, up to `@max`. */
function countQuery(filters: Filters): string {
  const { genre, year, minRating } = filters;
  if (genre && !year && !minRating) return 'SELECT total(movies) AS count FROM genres WHERE genre_key = @genre';
  const source = sourceOf(filters);
  const where = conditions(filters, source).join(' AND ');
  return `SELECT count(*) AS count FROM (SELECT 1 FROM ${source} WHERE ${where} LIMIT @max)`;
}

/** Returns the query of a list. */
export function listQuery(shape: ListShape): string {
  const { genre, matchesFirst } = shape;
  const field = shape.sort.replace('-', '') as SortField;
  if (matchesFirst) return matchQuery(shape, field, sourceOf(shape));
  // The rows of a genre are in order of year, and its index is in order of rating: these are walked instead.
  if (genre && field === 'year') return matchQuery(shape, field, 'movie_genres');
  if (genre && field === 'rating') return matchQuery(shape, field, byGenreAndRating);
  return walkQuery(shape, field);
}

function walkQuery(shape: ListShape, field: SortField): string {
  const { column } = columns[field];
  const { walk } = columns[isOfOneYear(shape) ? 'year' : field];
  const inGenre = `EXISTS (SELECT 1 FROM movie_genres g
    WHERE g.genre_key = @genre AND g.year = movies.year AND g.movie_id = movies.movie_id)`;
  const matching = [...conditions({ ...shape, genre: false }), ...(shape.genre ? [inGenre] : [])];
  return `SELECT movie_id AS id, ${column} AS key, document FROM ${walk}
    ${where(matching, pageConditions(shape, column, 'movie_id'))} ${order(shape, column, 'movie_id')}`;
}

function matchQuery(shape: ListShape, field: SortField, source: string): string {
  const matching = conditions(shape, source);
  // With a +, as in `conditions`.
  const key = field === 'rating' && source === 'movie_genres' ? '+rating' : columns[field].column;
  // Titles are read from the index by year, where they lie closer together than in the movie rows.
  const page =
    field === 'title' && !source.endsWith(byYear)
      ? `SELECT m.movie_id, title_key AS key FROM (SELECT year, movie_id FROM ${source} ${where(matching)}) s
         CROSS JOIN movies m INDEXED BY ${byYear} ON m.year = s.year AND m.movie_id = s.movie_id
         ${where(pageConditions(shape, key, 'm.movie_id'))} ${order(shape, key, 'm.movie_id')}`
      : `SELECT movie_id, ${key} AS key FROM ${source}
         ${where(matching, pageConditions(shape, key, 'movie_id'))} ${order(shape, key, 'movie_id')}`;
  return `SELECT p.movie_id AS id, p.key, d.document FROM (${page}) p
    CROSS JOIN movies d ON d.movie_id = p.movie_id ${order(shape, 'p.key', 'p.movie_id')}`;
}

function where(...all: string[][]): string {
  return all.flat().length > 0 ? `WHERE ${all.flat().join(' AND ')}` : '';
}

/** Returns the conditions that a movie belongs to this part of the list and comes after the cursor. */
function pageConditions(shape: ListShape, key: string, id: string): string[] {
  const { sort, continued, known } = shape;
  if (known === false) return [`${key} = 0`, ...(continued ? [`${id} > @id`] : [])];
  if (!continued) return known ? [`${key} > 0`] : [];
  const further = sort.startsWith('-') ? '<' : '>';
  const byId = sort.endsWith('movieId') || isOfOneYear(shape);
  return [byId ? `${id} ${further} @id` : `(${key}, ${id}) ${further} (@key, @id)`];
}

function order({ sort }: ListShape, key: string, id: string): string {
  const direction = sort.startsWith('-') ? 'DESC' : 'ASC';
  return `ORDER BY ${sort.endsWith('movieId') ? '' : `${key} ${direction}, `}${id} ${direction} LIMIT @limit`;
}
