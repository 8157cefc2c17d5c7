/**
 * Tables of the movies view. `npm run migrations -- movies` turns a change here into SQL. drizzle does not support
 * WITHOUT ROWID, added to the migration by hand for tables that say so, or full-text tables (0001_search.sql).
 */
import { integer, primaryKey, real, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** Current movies. `document` is the JSON that answers contain, encoded once when the movie changes. */
export const movies = sqliteTable('movies', {
  movieId: integer('movie_id').primaryKey(),
  /** Stream sequence of the movie's last event. */
  revision: integer('revision').notNull(),
  /** Folded title, for sorting and exact matches. */
  titleKey: text('title_key').notNull(),
  /** 0 if unknown, like rating and votes. */
  year: integer('year').notNull(),
  rating: real('rating').notNull(),
  votes: integer('votes').notNull(),
  document: text('document').notNull(),
});

/** Ids of movies that have been removed, even if they were added again. `revision` is the last removal's sequence. */
export const removedMovies = sqliteTable('removed_movies', {
  movieId: integer('movie_id').primaryKey(),
  revision: integer('revision').notNull(),
});

/** Genres by folded name, with the number of their movies. */
export const genres = sqliteTable('genres', {
  genreKey: text('genre_key').primaryKey(),
  movies: integer('movies').notNull(),
});

/** Genres of movies, with the values that lists filter and sort by. WITHOUT ROWID. */
export const movieGenres = sqliteTable(
  'movie_genres',
  {
    genreKey: text('genre_key').notNull(),
    year: integer('year').notNull(),
    movieId: integer('movie_id').notNull(),
    rating: real('rating').notNull(),
    votes: integer('votes').notNull(),
  },
  (table) => [primaryKey({ columns: [table.genreKey, table.year, table.movieId] })],
);

/** Words of titles and names, as they are written and in normalized form. WITHOUT ROWID. */
export const words = sqliteTable('words', {
  word: text('word').primaryKey(),
});

/** Variants of words (a letter less, by sound, sorted, backwards), which mistyped forms share. WITHOUT ROWID. */
export const wordVariants = sqliteTable(
  'word_variants',
  {
    variant: text('variant').notNull(),
    word: text('word').notNull(),
  },
  (table) => [primaryKey({ columns: [table.variant, table.word] })],
);

/** Titles of movies, including alternative ones, by which imports find films. WITHOUT ROWID. */
export const filmKeys = sqliteTable(
  'film_keys',
  {
    titleKey: text('title_key').notNull(),
    /** 0 if unknown. */
    year: integer('year').notNull(),
    movieId: integer('movie_id').notNull(),
    directors: text('directors').notNull(),
  },
  (table) => [primaryKey({ columns: [table.movieId, table.titleKey] })],
);

/** Indices made at the end of a build. Each has a list's order and the filtered columns, so only matches are read. */
export const movieIndices = {
  movies_by_title: 'movies (title_key, movie_id, year, rating)',
  movies_by_year: 'movies (year, movie_id, rating, votes, title_key)',
  movies_by_rating: 'movies (rating, movie_id, year, votes)',
  movies_by_votes: 'movies (votes, movie_id, year, rating)',
  movie_genres_by_rating: 'movie_genres (genre_key, rating, movie_id, votes)',
  film_keys_by_title: 'film_keys (title_key, year, movie_id, directors)',
};
