/** The genres of movies, as rows beside those of the movies, and how many movies each has. */
import { sql } from 'drizzle-orm';
import type { Database } from '../../shared/views/database.ts';
import { excluded, insertNew, matching } from '../../shared/views/prepared.ts';
import type { MovieFields } from './contract.ts';
import { fold } from './fold.ts';
import { genres, movieGenres } from './schema.ts';

/** Movies whose rows are written in one transaction when a view has been built: a fraction of a second. */
const moviesAtOnce = 50_000;

export class GenreRows {
  readonly #add;
  readonly #remove;
  readonly #addToGenre;
  readonly #lastOfNext;
  readonly #addAll;
  readonly #countAll;
  /** What a transaction changes in the numbers of movies: there are many movies to a genre. */
  readonly #counts = new Map<string, number>();
  /** Whether rows are written as movies come, and not once for many, in their order, when the view has been built. */
  #follows: boolean;
  /** When it has been built: the last movie whose rows are written; undefined when all are. */
  #writtenTo: number | undefined;

  constructor(db: Database, isBuilt: boolean) {
    this.#follows = isBuilt;
    this.#writtenTo = isBuilt ? undefined : 0;
    const asked = sql.placeholder;
    this.#add = insertNew(db, movieGenres);
    this.#remove = db
      .delete(movieGenres)
      .where(matching(movieGenres, 'genreKey', 'year', 'movieId'))
      .prepare();
    this.#addToGenre = db
      .insert(genres)
      .values({ genreKey: asked('genreKey'), movies: asked('movies') })
      .onConflictDoUpdate({
        target: genres.genreKey,
        set: { movies: sql`${genres.movies} + ${excluded(genres.movies)}` },
      })
      .prepare();
    // Plain SQL: drizzle has no json_each.
    const client = db.$client;
    client.function('fold', { deterministic: true }, fold as (text: unknown) => string);
    this.#lastOfNext = client
      .prepare<[number, number], number | null>(
        'SELECT max(movie_id) FROM (SELECT movie_id FROM movies WHERE movie_id > ? ORDER BY 1 LIMIT ?)',
      )
      .pluck();
    this.#addAll = client.prepare(
      `INSERT OR IGNORE INTO movie_genres (genre_key, year, movie_id, rating, votes)
       SELECT fold(genre.value), year, movie_id, rating, votes FROM movies, json_each(document, '$.genres') genre
       WHERE movie_id > ? AND movie_id <= ? ORDER BY 1, 2, 3`,
    );
    this.#countAll = client.prepare(
      'UPDATE genres SET movies = (SELECT count(*) FROM movie_genres WHERE movie_genres.genre_key = genres.genre_key)',
    );
  }

  add(movieId: number, fields: MovieFields): void {
    const facts = { year: fields.year ?? 0, rating: fields.rating ?? 0, votes: fields.votes ?? 0 };
    for (const genre of fields.genres) {
      const genreKey = fold(genre);
      if (!this.#follows) this.#count(genreKey, 0);
      else if (this.#add.run({ genreKey, movieId, ...facts }).changes > 0) this.#count(genreKey, 1);
    }
  }

  remove(movieId: number, fields: MovieFields): void {
    for (const genre of fields.genres) {
      const genreKey = fold(genre);
      // Also before they follow: an earlier process may have written some.
      const { changes } = this.#remove.run({ genreKey, year: fields.year ?? 0, movieId });
      if (this.#follows && changes > 0) this.#count(genreKey, -1);
    }
  }

  /** Writes what was counted. */
  flush(): void {
    for (const [genreKey, movies] of this.#counts) this.#addToGenre.run({ genreKey, movies });
    this.#counts.clear();
  }

  /** Writes the rows of some movies that came before they were written with them. @returns whether there were any */
  writeSome(): boolean {
    if (this.#writtenTo === undefined) return false;
    this.#follows = true;
    const from = this.#writtenTo;
    const to = this.#lastOfNext.get(from, moviesAtOnce);
    this.#writtenTo = to ?? undefined;
    if (typeof to !== 'number') return false;
    this.#addAll.run(from, to);
    this.#countAll.run();
    return true;
  }

  /** Forgets what was counted, when its transaction failed. */
  clear(): void {
    this.#counts.clear();
    if (this.#writtenTo !== undefined) this.#writtenTo = 0;
  }

  #count(genreKey: string, step: number): void {
    this.#counts.set(genreKey, (this.#counts.get(genreKey) ?? 0) + step);
  }
}
