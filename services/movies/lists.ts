/**
 * Lists: filtered, sorted, by pages. Few movies that pass are sorted; of many, the catalogue is walked in the order of the
 * list, for then a page is soon full. Either reads an index that has all that is filtered by, and of the movies themselves
 * only those of the page. Plain SQL: which index is read is not left to the planner, which has no statistics.
 */
import { z } from 'zod';
import { decodeCursor, jsonPage, paginate } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import type { SortField } from './contract.ts';
import { fold } from './fold.ts';

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

/** What a cursor says of the last movie of its page: what is sorted by, and its id. */
export const lastOfPage = z.tuple([z.union([z.string(), z.number()]), z.int()]);

/** Up to as many movies are sorted; fewer by title, which only the movies themselves and one index have. */
const mostSorted = { movies: 20_000, titles: 4000 };

/** A walk finds a page the sooner the more movies pass of all there are: the break-even grows with the root of all. */
export const mostWorthSorting = (most: number, movies: number): number =>
  Math.min(most, Math.ceil(14 * Math.sqrt(movies)));

const byYear = 'movies_by_year';

const columns: Record<SortField, { column: string; walk: string }> = {
  movieId: { column: 'movie_id', walk: 'movies' },
  title: { column: 'title_key', walk: 'movies INDEXED BY movies_by_title' },
  year: { column: 'year', walk: `movies INDEXED BY ${byYear}` },
  rating: { column: 'rating', walk: 'movies INDEXED BY movies_by_rating' },
  popularity: { column: 'votes', walk: 'movies INDEXED BY movies_by_votes' },
};

/** Those whose 0 says that a value is not known, and stands in front. */
export const hasUnknown: ReadonlySet<ListInput['sort']> = new Set(['year', 'rating']);

/** What makes the query of a list another one: a few hundred combinations, and each is prepared once. */
export interface ListShape {
  sort: ListInput['sort'];
  genre: boolean;
  year: boolean;
  minRating: boolean;
  /** Whether it begins behind a cursor. */
  continued: boolean;
  /** Whether the movies that pass are read, and sorted where they are not in the order of the list. */
  few: boolean;
  /** Whether it is of the movies that have what is sorted by, or of those that have not; left out: of both. */
  known?: boolean;
}

/** Prepares the lists of a view. */
export function movieLists(db: Database, mostOf = mostSorted) {
  const statement = (text: string) => db.$client.prepare<[Record<string, unknown>]>(text);
  const prepared = new Map<string, ReturnType<typeof statement>>();
  const prepare = (name: string, text: () => string) => {
    const found = prepared.get(name) ?? statement(text());
    prepared.set(name, found);
    return found;
  };

  const highest = db.$client.prepare<[], number | null>('SELECT max(movie_id) FROM movies').pluck();

  function isFew(shape: Omit<ListShape, 'few' | 'continued'>, values: Record<string, unknown>): boolean {
    const { sort, genre, year, minRating } = shape;
    if (!genre && !year && !minRating) return false;
    // Where an index has the movies that pass in this order already, none need be counted.
    if (isOfOneYear(shape)) return genre;
    if (sort.endsWith('rating') && !year) return false;
    const most = mostWorthSorting(sort.endsWith('title') ? mostOf.titles : mostOf.movies, highest.get() ?? 0);
    const query = prepare(`count ${genre} ${year} ${minRating}`, () => countQuery(shape));
    const { count } = query.get({ ...values, most }) as { count: number };
    return count < most;
  }

  /** A page of documents as JSON. @throws AppError invalid for a cursor of another list. */
  return function list(input: ListInput): string {
    const { sort, year, minRating } = input;
    const genre = input.genre === undefined ? undefined : fold(input.genre);
    // Cursors of an order that began with what is not known would end this one early.
    const scope = JSON.stringify([hasUnknown.has(sort) ? 'unknown last' : 'list', sort, genre, year, minRating]);
    const after = input.cursor === undefined ? undefined : decodeCursor(scope, input.cursor, lastOfPage);
    const filters = { genre: genre !== undefined, year: year !== undefined, minRating: minRating !== undefined };
    const values = {
      ...(filters.genre ? { genre } : {}),
      ...(filters.year ? { year } : {}),
      ...(filters.minRating ? { minRating } : {}),
    };
    const few = isFew({ sort, ...filters }, values);
    const shape: ListShape = { sort, ...filters, continued: after !== undefined, few };
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

/**
 * Movies without a year are no oldest ones: where the least comes first, what is not known comes last, though it is a 0.
 * @param key of the cursor's movie; undefined at the beginning
 */
function partsOf(shape: ListShape, key: unknown): ListShape[] {
  if (!hasUnknown.has(shape.sort)) return [shape];
  if (key === 0) return [{ ...shape, known: false }];
  return [
    { ...shape, known: true },
    { ...shape, known: false, continued: false },
  ];
}

type Filters = Pick<ListShape, 'genre' | 'year' | 'minRating'>;
type Passing = Filters & Partial<Pick<ListShape, 'sort' | 'continued'>>;

const byGenreAndRating = 'movie_genres INDEXED BY movie_genres_by_rating';

/** The index that has the movies that pass next to each other, but for what `conditions` leave out. */
function sourceOf({ genre, year, minRating }: Filters): string {
  if (genre && year) return 'movie_genres';
  if (genre) return minRating ? byGenreAndRating : 'movie_genres';
  return year ? `movies INDEXED BY ${byYear}` : 'movies INDEXED BY movies_by_rating';
}

/**
 * A + keeps the planner from reading another index for the rating, and from beginning at the least rating where a cursor says
 * which is next.
 */
function conditions({ genre, year, minRating, sort, continued }: Passing, source = ''): string[] {
  const plus = source === 'movie_genres' || (sort === 'rating' && continued) ? '+' : '';
  return [
    ...(genre ? ['genre_key = @genre'] : []),
    ...(year ? ['year = @year'] : []),
    ...(minRating ? [`${plus}rating >= @minRating`] : []),
  ];
}

/** Whether all movies of a list have the same year, and come by their ids. */
const isOfOneYear = ({ sort, year }: Pick<ListShape, 'sort' | 'year'>): boolean => year && /year|movieId/.test(sort);

/** How many movies pass, counted to `most`. */
function countQuery(filters: Filters): string {
  const { genre, year, minRating } = filters;
  if (genre && !year && !minRating) return 'SELECT total(movies) AS count FROM genres WHERE genre_key = @genre';
  const source = sourceOf(filters);
  const where = conditions(filters, source).join(' AND ');
  return `SELECT count(*) AS count FROM (SELECT 1 FROM ${source} WHERE ${where} LIMIT @most)`;
}

/** The query of a list. */
export function listQuery(shape: ListShape): string {
  const field = shape.sort.replace('-', '') as SortField;
  // The genre's own rows are in the order of its years, and of its ratings.
  const ofGenre = shape.genre && (field === 'year' || field === 'rating');
  if (!shape.few && !ofGenre) return walkQuery(shape, field);
  const source =
    !shape.few && field === 'rating' ? byGenreAndRating : sourceOf(shape.few ? shape : { ...shape, minRating: false });
  return sortQuery(shape, field, source);
}

function walkQuery(shape: ListShape, field: SortField): string {
  const { column } = columns[field];
  const { walk } = columns[isOfOneYear(shape) ? 'year' : field];
  const inGenre = `EXISTS (SELECT 1 FROM movie_genres g
    WHERE g.genre_key = @genre AND g.year = movies.year AND g.movie_id = movies.movie_id)`;
  const passing = [...conditions({ ...shape, genre: false }), ...(shape.genre ? [inGenre] : [])];
  return `SELECT movie_id AS id, ${column} AS key, document FROM ${walk}
    ${where(passing, behind(shape, column, 'movie_id'))} ${order(shape, column, 'movie_id')}`;
}

function sortQuery(shape: ListShape, field: SortField, source: string): string {
  const passing = where(conditions(shape, source));
  // With the +, as above.
  const key = field === 'rating' && source === 'movie_genres' ? '+rating' : columns[field].column;
  // One index has the titles of each year: the movies themselves lie further apart.
  const page =
    field === 'title' && !source.endsWith(byYear)
      ? `SELECT m.movie_id, title_key AS key FROM (SELECT year, movie_id FROM ${source} ${passing}) s
         CROSS JOIN movies m INDEXED BY ${byYear} ON m.year = s.year AND m.movie_id = s.movie_id
         ${where(behind(shape, key, 'm.movie_id'))} ${order(shape, key, 'm.movie_id')}`
      : `SELECT movie_id, ${key} AS key FROM ${source}
         ${where(conditions(shape, source), behind(shape, key, 'movie_id'))} ${order(shape, key, 'movie_id')}`;
  return `SELECT p.movie_id AS id, p.key, d.document FROM (${page}) p
    CROSS JOIN movies d ON d.movie_id = p.movie_id ${order(shape, 'p.key', 'p.movie_id')}`;
}

function where(...all: string[][]): string {
  return all.flat().length > 0 ? `WHERE ${all.flat().join(' AND ')}` : '';
}

/** The conditions that a movie belongs to this part of a list, and comes behind the one of a cursor. */
function behind(shape: ListShape, key: string, id: string): string[] {
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
