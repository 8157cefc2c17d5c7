/**
 * Tables of the movies view. `npm run migrations -- movies` turns a change here into SQL. WITHOUT ROWID, which drizzle
 * does not know, is written into the migration by hand for the tables that say so. The full-text tables are beyond
 * drizzle: migrations/0001_search.sql has them.
 */
import { index, integer, primaryKey, real, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** Movies as they are. `document` is the answer's JSON, made once when the movie changes. */
export const movies = sqliteTable(
  'movies',
  {
    movieId: integer('movie_id').primaryKey(),
    /** Stream sequence of the last event of this movie, from whichever site. */
    revision: integer('revision').notNull(),
    /** Site and time of the event that won. */
    site: text('site').notNull(),
    time: integer('time').notNull(),
    /** Folded title, for sorting and exact matches. */
    titleKey: text('title_key').notNull(),
    /** 0 where not known, as are rating and votes. */
    year: integer('year').notNull(),
    rating: real('rating').notNull(),
    votes: integer('votes').notNull(),
    document: text('document').notNull(),
  },
  (table) => [
    index('movies_by_title').on(table.titleKey, table.movieId),
    index('movies_by_year').on(table.year, table.movieId),
    index('movies_by_rating').on(table.rating, table.movieId),
    index('movies_by_votes').on(table.votes, table.movieId),
  ],
);

/** States that are not in `movies`: of movies that are gone, and of sites whose event lost to another site's. */
export const otherStates = sqliteTable(
  'other_states',
  {
    movieId: integer('movie_id').notNull(),
    site: text('site').notNull(),
    time: integer('time').notNull(),
    revision: integer('revision').notNull(),
    /** JSON of the movie's fields; null where the site says that the movie is gone. */
    fields: text('fields'),
  },
  (table) => [primaryKey({ columns: [table.movieId, table.site] })],
);

/** Genres by folded name, with the number of their movies. */
export const genres = sqliteTable('genres', {
  genreKey: text('genre_key').primaryKey(),
  name: text('name').notNull(),
  movies: integer('movies').notNull(),
});

/** The genres of movies. WITHOUT ROWID. */
export const movieGenres = sqliteTable(
  'movie_genres',
  {
    genreKey: text('genre_key').notNull(),
    movieId: integer('movie_id').notNull(),
  },
  (table) => [primaryKey({ columns: [table.genreKey, table.movieId] })],
);

/** Words of titles, with the number of titles that have them. WITHOUT ROWID. */
export const titleWords = sqliteTable('title_words', {
  word: text('word').primaryKey(),
  uses: integer('uses').notNull(),
});

/**
 * Trigrams of those words. A word with few typing errors has about the same length: most words of a common gram need
 * not be read. WITHOUT ROWID.
 */
export const titleWordGrams = sqliteTable(
  'title_word_grams',
  {
    gram: text('gram').notNull(),
    length: integer('length').notNull(),
    word: text('word').notNull(),
  },
  (table) => [primaryKey({ columns: [table.gram, table.length, table.word] })],
);

/** Titles of movies, also alternative ones, by which films of a file are found again. WITHOUT ROWID. */
export const filmKeys = sqliteTable(
  'film_keys',
  {
    titleKey: text('title_key').notNull(),
    /** 0 where not known. */
    year: integer('year').notNull(),
    movieId: integer('movie_id').notNull(),
    directors: text('directors').notNull(),
  },
  (table) => [primaryKey({ columns: [table.titleKey, table.year, table.movieId] })],
);
