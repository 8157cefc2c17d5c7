/** Likes of movies that were asked for or voted on lately, beside the rows of one view. */

/** Enough for what is asked for again and again; about 5 MB. */
const most = 50_000;

/**
 * A look into a table costs as much as the rest of a small request, most of it for SQLite's locks. The projections
 * keep these numbers equal to the rows: `set` and `delete` with each change, `clear` when its transaction failed.
 */
export class KnownLikes {
  readonly #likes = new Map<number, number>();

  get(movieId: number): number | undefined {
    return this.#likes.get(movieId);
  }

  set(movieId: number, likes: number): void {
    if (this.#likes.size >= most && !this.#likes.has(movieId)) this.#likes.clear();
    this.#likes.set(movieId, likes);
  }

  delete(movieId: number): void {
    this.#likes.delete(movieId);
  }

  clear(): void {
    this.#likes.clear();
  }
}
