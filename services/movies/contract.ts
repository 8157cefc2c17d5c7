/** The contract of movies: operations and events that others may use. No I/O. */
import { z } from 'zod';
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { invalid } from '../../shared/operations/errors.ts';
import { event } from '../../shared/operations/event.ts';
import { id, movieId, page, paging } from '../../shared/operations/fields.ts';
import { operation, type ServiceContract } from '../../shared/operations/operation.ts';
import {
  foundPage,
  genreName,
  givenFields,
  movie,
  movieFields,
  movieWithLikes,
  revision,
  suggestion,
} from './movie-fields.ts';

export { fold } from './fold.ts';
export {
  distinct,
  givenFields,
  type MovieFields,
  movie,
  movieFields,
  movieWithLikes,
  type Suggestion,
} from './movie-fields.ts';

const ifMatch = z
  .union([z.int(), z.string().max(100)])
  .optional()
  .meta({ description: 'Change the movie only if it is at this revision; also accepted as the header If-Match' });

const sortFields = ['movieId', 'title', 'year', 'rating', 'popularity'] as const;
export type SortField = (typeof sortFields)[number];
const sort = z
  .enum(sortFields.flatMap((field) => [field, `-${field}` as const]))
  .default('movieId')
  .meta({
    description:
      'Order of the list; a leading - means descending. Sorted by year or rating, movies without one come last. With q, movieId means best match first',
  });

/**
 * Maps the field names of the sample application that Marquee replaces: `name` for the title and `gender` for the
 * genres, as text or list. An old name beside the new one is kept, and then refused as an unknown field.
 */
function legacyNames(input: Record<string, unknown>): Record<string, unknown> {
  const { name, gender, ...rest } = input;
  const genres =
    typeof gender === 'string'
      ? gender
          .split(',')
          .map((part) => part.trim())
          .filter(Boolean)
      : gender;
  return {
    ...(name === undefined ? {} : { [rest.title === undefined ? 'title' : 'name']: name }),
    ...(genres === undefined ? {} : { [rest.genres === undefined ? 'genres' : 'gender']: genres }),
    ...rest,
  };
}

const example = {
  movieId: 900_001,
  title: 'The Lighthouse Keeper',
  genres: ['Drama'],
  director: 'A. Director',
  description: 'A keeper counts the ships that no longer pass.',
  year: 2024,
};

export const movies = {
  list: operation({
    subject: 'movies.list',
    method: 'GET',
    path: '/movies',
    access: 'public',
    summary: 'Movies, filtered and sorted; with q, the results of a search, best first (when sorted, the best 500)',
    input: z.object({
      q: z.string().max(1000).optional().meta({ description: 'Words to search for, as in movies.search' }),
      genre: genreName.optional(),
      year: z.int().min(1).optional(),
      minRating: z.number().min(0).max(10).optional(),
      sort,
      ...paging,
    }),
    output: foundPage,
    example: { genre: 'Drama', sort: '-rating', limit: 3 },
  }),
  get: operation({
    subject: 'movies.get',
    method: 'GET',
    path: '/movies/:movieId',
    access: 'public',
    summary: 'Details of one movie, with its likes',
    input: z.object({ movieId }),
    output: movieWithLikes,
    errors: ['not_found'],
    example: { movieId: 1 },
  }),
  details: operation({
    subject: 'movies.details',
    method: 'GET',
    path: '/movies/:movieId/details',
    http: false,
    access: 'public',
    summary: 'Details of one movie without its likes, for services that ask ranking themselves',
    input: z.object({ movieId }),
    output: movie,
    errors: ['not_found'],
    example: { movieId: 1 },
  }),
  genre: operation({
    subject: 'movies.genre',
    method: 'GET',
    path: '/movies/genre/:genre',
    aliases: ['/movies/gender/:genre'],
    access: 'public',
    summary: 'Movies of one genre',
    input: z.object({ genre: genreName, sort, ...paging }),
    output: page(movie),
    example: { genre: 'Comedy', limit: 3 },
  }),
  genres: operation({
    subject: 'movies.genres',
    method: 'GET',
    path: '/genres',
    access: 'public',
    summary: 'All genres, each with its number of movies',
    input: z.object({}),
    output: z.object({ items: z.array(z.object({ genre: z.string(), movies: z.int() })), next: z.null() }),
    example: {},
  }),
  search: operation({
    subject: 'movies.search',
    method: 'GET',
    path: '/movies/search',
    access: 'public',
    summary:
      'Search in titles, people and descriptions, best first; words may be unfinished or mistyped, or name a year or genre',
    input: z.object({ q: z.string().max(1000), ...paging }),
    output: foundPage,
    example: { q: 'guardins galxy', limit: 3 },
  }),
  suggest: operation({
    subject: 'movies.suggest',
    method: 'GET',
    path: '/movies/suggest',
    access: 'public',
    summary: 'Titles and people that complete a search while it is typed; the last word may be unfinished',
    input: z.object({ q: z.string().max(200) }),
    output: z.object({ items: z.array(suggestion).max(10), next: z.null() }),
    example: { q: 'guard' },
  }),
  add: operation({
    subject: 'movies.add',
    method: 'POST',
    path: '/movies',
    access: 'admin',
    summary: 'Adds a movie',
    input: givenFields.extend({ movieId }),
    output: movie,
    success: 201,
    errors: ['conflict'],
    legacy: legacyNames,
    example,
  }),
  replace: operation({
    subject: 'movies.replace',
    method: 'PUT',
    path: '/movies/:movieId',
    access: 'admin',
    summary: 'Replaces all fields of a movie',
    input: givenFields.extend({ movieId, ifMatch }),
    output: movie,
    errors: ['not_found', 'precondition_failed'],
    headers: { 'if-match': 'ifMatch' },
    legacy: legacyNames,
    example: { ...example, year: 2025 },
  }),
  remove: operation({
    subject: 'movies.remove',
    method: 'DELETE',
    path: '/movies/:movieId',
    access: 'admin',
    summary: 'Removes a movie',
    input: z.object({ movieId, ifMatch }),
    output: z.object({ movieId, revision }),
    errors: ['not_found', 'precondition_failed'],
    headers: { 'if-match': 'ifMatch' },
    example: { movieId: 900_001 },
  }),
  import: operation({
    subject: 'movies.import',
    method: 'POST',
    path: '/movies/import',
    http: false,
    access: 'admin',
    summary: 'Adds films of a file, or updates those already in the catalogue, matched by title, year and director',
    input: z.object({
      movies: z
        .array(
          givenFields.extend({
            movieId: movieId.optional(),
            another: z.boolean().optional().meta({
              description: 'Match by id: the file has other films with the same title, year and director',
            }),
          }),
        )
        .min(1)
        .max(1000)
        .meta({ description: 'Films; a field that the file does not have keeps its value in the catalogue' }),
      ids: z
        .enum(['free', 'keep', 'replace'])
        .default('free')
        .meta({
          description:
            'free: a new film takes its id from the file if that is free, else the next free id; keep: it is refused if ' +
            'its id is taken; replace: the id decides which movie it is, and all fields of that movie are replaced',
        }),
      fill: z.boolean().default(false).meta({ description: 'Set only fields that are still unknown' }),
      newIdsAbove: z.int().min(0).default(0).meta({ description: 'Newly assigned ids are greater than this' }),
      importId: id.optional().meta({
        description:
          'Send the same id when repeating an import: the replica that took the first attempt returns its results; ' +
          'other replicas return the films that it stored as unchanged',
      }),
    }),
    output: z.object({
      results: z.array(
        z.object({
          outcome: z.enum(['added', 'updated', 'unchanged', 'refused']),
          movieId: movieId.nullable(),
          reason: z.string().optional().meta({ description: 'Why it was refused' }),
        }),
      ),
    }),
    example: { movies: [example] },
  }),
};

/** A movie's new state, or its removal. Events hold the whole state, so that the last event of a movie is enough. */
export const movieStated = event({
  type: 'marquee.movie.stated.v1',
  stream: 'CATALOGUE',
  subject: 'catalogue.{site}.movie.{movieId}',
  summary: 'All fields of a movie, or {"removed": true}',
  // Tried in this order: most events are not removals.
  payload: z.union([
    movieFields.extend({ removed: z.literal(false).optional(), movieId: movieId.optional() }),
    z.object({ removed: z.literal(true) }),
  ]),
  example: { title: 'The Lighthouse Keeper', genres: ['Drama'], year: 2024 },
});
export type MovieState = z.output<typeof movieStated.payload>;

/** Returns the movie id in a subject. @throws AppError invalid if not canonical: 1e2 and 07 would be other subjects */
export function movieIdOf({ tokens: { movieId: token = '' } }: StoredEvent): number {
  const id = Number(token);
  if (!movieId.safeParse(id).success || String(id) !== token) {
    throw invalid({ field: 'movieId', message: `${token} in the subject is not a positive integer` });
  }
  return id;
}

/** Returns the movie id in a movieStated's subject. @throws AppError as movieIdOf, or invalid if the payload differs */
export function statedMovieId(stored: StoredEvent): number {
  const fromSubject = movieIdOf(stored);
  const state = stored.data as MovieState;
  if (!state.removed && state.movieId !== undefined && state.movieId !== fromSubject) {
    throw invalid({ field: 'movieId', message: `${state.movieId} is not the ${fromSubject} of the subject` });
  }
  return fromSubject;
}

/** The service as other services see it. */
export const moviesContract = {
  name: 'movies',
  description: 'The catalogue: details, genres, keyword search, adding and changing movies',
  port: 8081,
  operations: movies,
  events: [movieStated],
  // The service asks itself when it runs a request forwarded by an edge (shared/hub.ts).
  asks: ['ranking', 'movies'],
} satisfies ServiceContract;
