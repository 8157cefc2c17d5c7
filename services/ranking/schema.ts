/**
 * Tables of the ranking view. After a change, run `npm run migrations -- ranking` to generate its SQL. drizzle does not
 * support WITHOUT ROWID: add it to the migration by hand for each table whose comment mentions it.
 */
import { blob, integer, primaryKey, real, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/**
 * The last vote of each viewer for each movie at each site, and one tally row per movie, even if the catalogue does not
 * have the movie. The tally row has an empty voter and site, so it sorts before the movie's votes, on a page that a
 * vote changes anyway. In a separate table, it would be a second page. WITHOUT ROWID. Times: milliseconds since 1970.
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
    /** When the current run of repeated likes began. 0, which takes no space, if that is `time` (nearly all rows). */
    likedSince: integer('liked_since').notNull(),
    /** Number of likes. Only tally rows have values in this and the following columns. */
    likes: integer('likes'),
    /** Sum of the weights of the likes, as a big-endian integer. Its logarithm is the trending score. */
    weight: blob('weight', { mode: 'buffer' }),
    trending: real('trending'),
  },
  (table) => [primaryKey({ columns: [table.movieId, table.voterId, table.site] })],
);

/** The movie and voter of the first vote that each Idempotency-Key (a digest) came with at each site. WITHOUT ROWID. */
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
 * The rows of rankings: for each movie one overall row (`genreKey` '') and one per genre. WITHOUT ROWID, so that the
 * rows of a movie are adjacent and a vote reads and writes one page for all of them.
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
    /** The rating, or 0 without one. */
    sortRating: real('sort_rating').notNull(),
    trending: real('trending').notNull(),
    weighted: real('weighted').notNull(),
  },
  (table) => [primaryKey({ columns: [table.movieId, table.genreKey] })],
);

/** Indices of `ranked`. They are created at the end of a rebuild, when all rows are in the table. */
export const rankedIndices = {
  ranked_by_likes: 'ranked (genre_key, likes DESC, sort_rating DESC, title_key, movie_id)',
  ranked_by_trending: 'ranked (genre_key, trending DESC, sort_rating DESC, title_key, movie_id)',
  ranked_by_rating: 'ranked (genre_key, weighted DESC, title_key, movie_id)',
};

/** Movies whose tally may have changed since their `ranked` rows were written, in the order of the changes. */
export const staleRanks = sqliteTable('stale_ranks', {
  id: integer('id').primaryKey(),
  movieId: integer('movie_id').notNull(),
});
