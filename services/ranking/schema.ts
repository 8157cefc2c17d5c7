/**
 * Tables of the ranking view. `npm run migrations -- ranking` turns a change here into SQL. WITHOUT ROWID, which drizzle
 * does not know, is written into the migration by hand for the tables that say so.
 */
import { blob, integer, primaryKey, real, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** The last state of each movie at each site; `fields` is null where the site says that the movie is gone. */
export const movieStates = sqliteTable(
  'movie_states',
  {
    movieId: integer('movie_id').notNull(),
    site: text('site').notNull(),
    time: integer('time').notNull(),
    revision: integer('revision').notNull(),
    /** JSON: title, genres, rating, votes. */
    fields: text('fields'),
  },
  (table) => [primaryKey({ columns: [table.movieId, table.site] })],
);

/**
 * The last vote of each viewer for each movie at each site, and before those of a movie its tally, also of one that the
 * catalogue does not show: a row without voter and site. Beside the votes it is on the page that a vote changes anyway; in a
 * table of its own it would be a second page for each. WITHOUT ROWID. Times are milliseconds since 1970.
 */
export const votes = sqliteTable(
  'votes',
  {
    movieId: integer('movie_id').notNull(),
    voterId: text('voter_id').notNull(),
    site: text('site').notNull(),
    /** 1 or 0. */
    liked: integer('liked').notNull(),
    time: integer('time').notNull(),
    /** When the present run of likes began; 0, which takes no room, where that is its time, as of nearly all. */
    likedSince: integer('liked_since').notNull(),
    revision: integer('revision').notNull(),
    /** Of a tally only, as is all that follows. */
    likes: integer('likes'),
    /** What the likes weigh together, as bytes of a whole number; the trending score is its logarithm. */
    weight: blob('weight', { mode: 'buffer' }),
    trending: real('trending'),
  },
  (table) => [primaryKey({ columns: [table.movieId, table.voterId, table.site] })],
);

/**
 * What the digest of an Idempotency-Key stands for at a site: the movie and voter of the first vote that came with it.
 * WITHOUT ROWID.
 */
export const voteKeys = sqliteTable(
  'vote_keys',
  {
    key: text('key').notNull(),
    site: text('site').notNull(),
    movieId: integer('movie_id').notNull(),
    voterId: text('voter_id').notNull(),
  },
  (table) => [primaryKey({ columns: [table.key, table.site] })],
);

/**
 * One row for a movie overall (`genreKey` '') and one for each of its genres, with all that a ranking shows. WITHOUT
 * ROWID: the rows of a movie stand together, so that a vote finds all of them at once and writes one page for them.
 */
export const ranked = sqliteTable(
  'ranked',
  {
    movieId: integer('movie_id').notNull(),
    genreKey: text('genre_key').notNull(),
    title: text('title').notNull(),
    titleKey: text('title_key').notNull(),
    rating: real('rating'),
    likes: integer('likes').notNull(),
    /** The rating; 0 where there is none. */
    sortRating: real('sort_rating').notNull(),
    trending: real('trending').notNull(),
    weighted: real('weighted').notNull(),
  },
  (table) => [primaryKey({ columns: [table.movieId, table.genreKey] })],
);

/** Those of `ranked`: a view that is built has none until its end. */
export const rankedIndices = {
  ranked_by_likes: 'ranked (genre_key, likes DESC, sort_rating DESC, title_key, movie_id)',
  ranked_by_trending: 'ranked (genre_key, trending DESC, sort_rating DESC, title_key, movie_id)',
  ranked_by_rating: 'ranked (genre_key, weighted DESC, title_key, movie_id)',
};

/** Movies whose tally may have changed since their ranks were written, in the order of that. */
export const staleRanks = sqliteTable('stale_ranks', {
  id: integer('id').primaryKey(),
  movieId: integer('movie_id').notNull(),
});
