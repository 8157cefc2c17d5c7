/**
 * Tables of the movies view. `npm run migrations -- movies` turns a change here into SQL. WITHOUT ROWID, which drizzle
 * does not know, is written into the migration by hand for the tables that say so. The full-text tables are beyond
 * drizzle: migrations/0001_search.sql has them.
 */
import { integer, primaryKey, real, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** Movies as they are. `document` is the answer's JSON, made once when the movie changes. */
export const movies = sqliteTable('movies', {
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
});

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
  movies: integer('movies').notNull(),
});

/** The genres of movies, with what lists filter and sort by. WITHOUT ROWID. */
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

/** Words of titles and names, as they are written and as they are compared. WITHOUT ROWID. */
export const words = sqliteTable('words', {
  word: text('word').primaryKey(),
});

/** Those words without each of their letters, by sound, sorted and backwards: what is mistyped has one in common. WITHOUT ROWID. */
export const wordVariants = sqliteTable(
  'word_variants',
  {
    variant: text('variant').notNull(),
    word: text('word').notNull(),
  },
  (table) => [primaryKey({ columns: [table.variant, table.word] })],
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
  (table) => [primaryKey({ columns: [table.movieId, table.titleKey] })],
);

/**
 * A view that is built has none of them until its end. Each gives its order, and has what lists filter by: a movie that is left
 * out is not read.
 */
export const movieIndices = {
  movies_by_title: 'movies (title_key, movie_id, year, rating)',
  movies_by_year: 'movies (year, movie_id, rating, votes, title_key)',
  movies_by_rating: 'movies (rating, movie_id, year, votes)',
  movies_by_votes: 'movies (votes, movie_id, year, rating)',
  movie_genres_by_rating: 'movie_genres (genre_key, rating, movie_id, votes)',
  film_keys_by_title: 'film_keys (title_key, year, movie_id, directors)',
};
