/** Tables of the reminder view. After a change, run `npm run migrations -- reminder` to generate its SQL. */
import { sql } from 'drizzle-orm';
import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** The last state of a movie on a user's list (`reminder` or `watched`) at each site (see SiteState in state.ts). */
export const siteStates = sqliteTable(
  'site_states',
  {
    userId: text('user_id').notNull(),
    movieId: integer('movie_id').notNull(),
    list: text('list').notNull(),
    site: text('site').notNull(),
    time: integer('time').notNull(),
    listed: integer('listed', { mode: 'boolean' }).notNull(),
    remindAt: integer('remind_at'),
    addedAt: integer('added_at').notNull(),
    removedAt: integer('removed_at'),
    dueAt: integer('due_at'),
  },
  (table) => [primaryKey({ columns: [table.userId, table.movieId, table.list, table.site] })],
);

/** The entries that lists show, derived from the states of all sites. */
export const entries = sqliteTable(
  'entries',
  {
    list: text('list').notNull(),
    userId: text('user_id').notNull(),
    movieId: integer('movie_id').notNull(),
    site: text('site').notNull(),
    addedAt: integer('added_at').notNull(),
    remindAt: integer('remind_at'),
    dueAt: integer('due_at'),
  },
  (table) => [
    primaryKey({ columns: [table.list, table.userId, table.movieId] }),
    index('entries_of_user').on(table.list, table.userId, table.addedAt, table.movieId),
    index('entries_of_all').on(table.list, table.addedAt, table.userId, table.movieId),
  ],
);

/** The last message on the schedule and due subjects of each reminder. */
export const schedules = sqliteTable(
  'schedules',
  {
    userId: text('user_id').notNull(),
    movieId: integer('movie_id').notNull(),
    site: text('site').notNull(),
    /** Sequence of the last message on either subject. */
    revision: integer('revision').notNull(),
    /** The scheduled time, in milliseconds since 1970; null if nothing is scheduled. */
    remindAt: integer('remind_at'),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.movieId, table.site] }),
    index('schedules_waiting').on(table.site, table.remindAt).where(sql`remind_at IS NOT NULL`),
  ],
);

/** Reminders whose schedule is wrong. `remindAt` is the time that should be scheduled; null for none. */
export const scheduleMismatches = sqliteTable(
  'unsettled',
  {
    userId: text('user_id').notNull(),
    movieId: integer('movie_id').notNull(),
    site: text('site').notNull(),
    remindAt: integer('remind_at'),
  },
  (table) => [primaryKey({ columns: [table.site, table.userId, table.movieId] })],
);

/** The titles of movies. */
export const titles = sqliteTable('titles', {
  movieId: integer('movie_id').primaryKey(),
  title: text('title').notNull(),
});
