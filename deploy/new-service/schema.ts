/** Tables of the a-sample view. `npm run migrations -- a-sample --name WHAT` turns a change here into SQL. */
import { integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** What each site last said of a movie's title; null where it said that the movie is gone. */
export const titles = sqliteTable(
  'titles',
  {
    movieId: integer('movie_id').notNull(),
    site: text('site').notNull(),
    time: integer('time').notNull(),
    revision: integer('revision').notNull(),
    title: text('title'),
  },
  (table) => [primaryKey({ columns: [table.movieId, table.site] })],
);
