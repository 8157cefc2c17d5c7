/**
 * Tables of the a-sample view.
 *
 * After a change, run `npm run migrations -- a-sample --name CHANGE` to generate its SQL.
 */
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** The titles of movies. */
export const titles = sqliteTable('titles', {
  movieId: integer('movie_id').primaryKey(),
  title: text('title').notNull(),
});
