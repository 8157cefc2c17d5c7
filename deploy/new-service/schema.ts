/**
 * Tables of the a-sample view.
 *
 * After a change, run `npm run migrations -- a-sample --name CHANGE` to generate its SQL.
 */
import { integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** The last title of each movie at each site. Queries show the title of the site whose event is the latest. */
export const titles = sqliteTable(
  'titles',
  {
    movieId: integer('movie_id').notNull(),
    site: text('site').notNull(),
    /** Time of the event, in milliseconds since 1970. */
    time: integer('time').notNull(),
    /** Stream sequence of the event. */
    revision: integer('revision').notNull(),
    /** Null when the site has removed the movie. */
    title: text('title'),
  },
  (table) => [primaryKey({ columns: [table.movieId, table.site] })],
);
