/** An in-memory movies view for tests: the real tables, projection and queries without a broker. */
import { fileURLToPath } from 'node:url';
import { sourceOf } from '../../seed/file/source.ts';
import { openFilms } from '../../seed/films.ts';
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { migrate, openDatabase } from '../../shared/views/database.ts';
import { catalogueProjection } from './catalogue-projection.ts';
import { type MovieFields, type MovieState, movieFields, movieStated } from './contract.ts';
import { movieQueries } from './queries.ts';

/** A page of a list or a search. */
export interface MoviePage {
  items: (MovieFields & { movieId: number; revision: number })[];
  next: string | null;
}

/** Completes fields of a movie with defaults. */
export function movieOf(fields: Partial<MovieFields> & { title: string }): MovieFields {
  return movieFields.parse(fields);
}

/** An event: a movie's new fields, or its removal (null). */
export interface Fact {
  movieId: number;
  fields: MovieFields | null;
  site?: string;
  time?: number;
}

/**
 * Opens an empty view. `state` applies facts in one transaction, like one batch of a stream.
 * @param built whether the build is complete from the start, as for an empty stream; otherwise `finish` completes it
 */
export function openMovies(built = true) {
  const db = openDatabase(':memory:');
  migrate(db, new URL('./migrations/', import.meta.url));
  let projection = catalogueProjection(db);
  const queries = movieQueries(db);
  const finishSome = (failure?: string): boolean =>
    db.$client.transaction(() => {
      const left = projection.complete?.();
      if (failure !== undefined) throw new Error(failure);
      return left !== undefined;
    })();
  const finish = (): void => {
    while (finishSome());
  };
  if (built) finish();
  let sequence = 0;

  function eventOf({ movieId, fields, site = 'hub', time }: Fact): StoredEvent {
    const data: MovieState = fields ?? { removed: true };
    const tokens = { site, movieId: String(movieId) };
    const subject = `catalogue.${site}.movie.${movieId}`;
    sequence++;
    return {
      type: movieStated.type,
      data,
      subject,
      tokens,
      site,
      time: time ?? sequence,
      sequence,
    };
  }

  return {
    db,
    queries,
    state(...facts: Fact[]): void {
      db.$client.transaction(() => {
        for (const fact of facts) projection.apply(eventOf(fact));
        projection.finish?.();
      })();
    },
    /** Does a piece of the work at the end of a build, or fails with `failure`. @returns whether there may be more */
    finishSome,
    finish,
    /** Prepares the projection again, as a new process does. */
    restart(): void {
      projection = catalogueProjection(db);
    },
    /** Discards what a failed `state` collected, as the view does. */
    abandon: () => projection.abandon?.(),
    search: (q: string, limit = 50, cursor?: string): MoviePage => JSON.parse(queries.search(q, { limit, cursor })),
    list: (input: Partial<Parameters<typeof queries.list>[0]> = {}): MoviePage =>
      JSON.parse(queries.list({ sort: 'movieId', limit: 50, ...input })),
    [Symbol.dispose]: () => void db.$client.close(),
  };
}

export type Movies = ReturnType<typeof openMovies>;

/** Opens a view of the catalogue that ships with the project. */
export async function openShipped(): Promise<Movies> {
  const file = fileURLToPath(new URL('../../seed/movies.csv', import.meta.url));
  const { groups, reader } = await openFilms(sourceOf(file), {});
  const movies = openMovies();
  for await (const group of groups) {
    const facts = group.map((row): Fact => {
      const result = reader.read(row);
      if (!('movie' in result)) throw new Error(`line ${row.line}: ${JSON.stringify(result)}`);
      const { movieId, ...fields } = result.movie;
      return { movieId: movieId as number, fields };
    });
    movies.state(...facts);
  }
  return movies;
}

/** Follows the cursors of a list to its end and returns all items. */
export function walk(page: (cursor: string | undefined) => MoviePage): MoviePage['items'] {
  const items: MoviePage['items'] = [];
  for (let cursor: string | undefined; ; ) {
    const { items: more, next } = page(cursor);
    items.push(...more);
    if (next === null) return items;
    cursor = next;
  }
}

/** Returns a random number generator. The same seed gives the same numbers, so that failures can be reproduced. */
export function randomOf(seed: number) {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const int = (below: number): number => Math.floor(next() * below);
  return { int, pick: <T>(list: readonly T[]): T => list[int(list.length)] as T };
}
