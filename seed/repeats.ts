/** Rows of a file that say a second time what an earlier one did. */
import { identityKeys } from '../services/movies/film-identity.ts';
import type { Movie } from './layout/row.ts';
import { LineIndex } from './line-index.ts';

export type Repeat = 'id' | 'film';

/** Remembers the ids and films of the rows of a file. */
export class Repeats {
  readonly #lines = new LineIndex();
  readonly #byId: boolean;

  /** @param byId whether ids say which film is meant, so that there may be two of a title */
  constructor(byId: boolean) {
    this.#byId = byId;
  }

  /** Which of them an earlier row had, and on which line; undefined where none, and then it is remembered. */
  add(movie: Movie, line: number): { what: Repeat; line: number } | undefined {
    const sameId = movie.movieId === undefined ? undefined : this.#lines.add(movie.movieId, line);
    if (sameId !== undefined) return { what: 'id', line: sameId };
    if (this.#byId) return undefined;
    const lines = identityKeys(movie).map((key) => this.#lines.add(key, line));
    const first = lines.find((one) => one !== undefined && one !== line);
    return first === undefined ? undefined : { what: 'film', line: first };
  }
}
