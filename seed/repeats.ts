/** Finds rows that repeat the id or the film of an earlier row. */
import { identityKeys } from '../services/movies/film-identity.ts';
import type { Movie } from './layout/row.ts';
import { LineIndex } from './line-index.ts';

export type Repeat = 'id' | 'film';

export class Repeats {
  readonly #lines = new LineIndex();
  readonly #byId: boolean;

  /** @param byId whether ids identify films, so that several rows may have the same title */
  constructor(byId: boolean) {
    this.#byId = byId;
  }

  /** Adds a row. Returns what it has in common with an earlier row, and that row's line; undefined if nothing. */
  add(movie: Movie, line: number): { what: Repeat; line: number } | undefined {
    const sameId = movie.movieId === undefined ? undefined : this.#lines.add(movie.movieId, line);
    if (sameId !== undefined) return { what: 'id', line: sameId };
    if (this.#byId) return undefined;
    const lines = identityKeys(movie).map((key) => this.#lines.add(key, line));
    const first = lines.find((one) => one !== undefined && one !== line);
    return first === undefined ? undefined : { what: 'film', line: first };
  }
}
