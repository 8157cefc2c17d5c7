/** Rows of the genres of movies, and the number of movies of each genre. */
import { sql } from 'drizzle-orm';
import type { Database } from '../../shared/views/database.ts';
import { excluded, insertNew, matching } from '../../shared/views/prepared.ts';
import type { MovieFields } from './contract.ts';
import { fold } from './fold.ts';
import { genres, movieGenres } from './schema.ts';

/** Movies whose rows are written in one transaction at the end of a build, which takes a fraction of a second. */
const batchSize = 50_000;

/** Writes genre rows with each movie, or at the end of a build in batches in key order, which is cheaper. */
export class GenreRows {
  readonly #add;
  readonly #remove;
  readonly #addToGenre;
  readonly #endOfBatch;
  readonly #addBatch;
  readonly #recount;
  /** Changes of the numbers of movies in this transaction, collected because many movies share a genre. */
  readonly #counts = new Map<string, number>();
  /** Whether rows are written with each movie. */
  #writesEach: boolean;
  /** The last movie whose rows have been written in batches; undefined when all are written. */
  #writtenTo: number | undefined;

  constructor(db: Database, isBuilt: boolean) {
    this.#writesEach = isBuilt;
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
    this.#endOfBatch = client
      .prepare<[number, number], number | null>(
        'SELECT max(movie_id) FROM (SELECT movie_id FROM movies WHERE movie_id > ? ORDER BY 1 LIMIT ?)',
      )
      .pluck();
    this.#addBatch = client.prepare(
      `INSERT OR IGNORE INTO movie_genres (genre_key, year, movie_id, rating, votes)
       SELECT fold(genre.value), year, movie_id, rating, votes FROM movies, json_each(document, '$.genres') genre
       WHERE movie_id > ? AND movie_id <= ? ORDER BY 1, 2, 3`,
    );
    this.#recount = client.prepare(
      'UPDATE genres SET movies = (SELECT count(*) FROM movie_genres WHERE movie_genres.genre_key = genres.genre_key)',
    );
  }

  add(movieId: number, fields: MovieFields): void {
    const facts = { year: fields.year ?? 0, rating: fields.rating ?? 0, votes: fields.votes ?? 0 };
    for (const genre of fields.genres) {
      const genreKey = fold(genre);
      if (!this.#writesEach) this.#count(genreKey, 0);
      else if (this.#add.run({ genreKey, movieId, ...facts }).changes > 0) this.#count(genreKey, 1);
    }
  }

  remove(movieId: number, fields: MovieFields): void {
    for (const genre of fields.genres) {
      const genreKey = fold(genre);
      // Also while the view is being built: an earlier process may have written some rows.
      const { changes } = this.#remove.run({ genreKey, year: fields.year ?? 0, movieId });
      if (this.#writesEach && changes > 0) this.#count(genreKey, -1);
    }
  }

  /** Writes the collected changes of the numbers of movies. */
  flush(): void {
    for (const [genreKey, movies] of this.#counts) this.#addToGenre.run({ genreKey, movies });
    this.#counts.clear();
  }

  /** Writes the next batch of rows left out during the build. @returns whether there was any movie left */
  writeBatch(): boolean {
    if (this.#writtenTo === undefined) return false;
    this.#writesEach = true;
    const from = this.#writtenTo;
    const to = this.#endOfBatch.get(from, batchSize);
    this.#writtenTo = to ?? undefined;
    if (typeof to !== 'number') return false;
    this.#addBatch.run(from, to);
    this.#recount.run();
    return true;
  }

  /** Discards collected changes when their transaction failed. */
  clear(): void {
    this.#counts.clear();
    if (this.#writtenTo !== undefined) this.#writtenTo = 0;
  }

  #count(genreKey: string, change: number): void {
    this.#counts.set(genreKey, (this.#counts.get(genreKey) ?? 0) + change);
  }
}
