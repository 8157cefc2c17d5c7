/**
 * Tables of the ranking view that drizzle can describe. The ones without row ids, which are what is written most, are
 * in migrations/0001_ranked.sql and behind it. `npm run migrations -- ranking` turns a change here into SQL.
 */
import { integer, primaryKey, real, sqliteTable, text } from 'drizzle-orm/sqlite-core';

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

/** Likes of a movie, also of one that the catalogue does not show. */
export const tallies = sqliteTable('tallies', {
  movieId: integer('movie_id').primaryKey(),
  likes: integer('likes').notNull(),
  trending: real('trending').notNull(),
});
