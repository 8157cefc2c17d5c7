/** Tables of the reminder view. `npm run migrations -- reminder` turns a change here into SQL. */
import { sql } from 'drizzle-orm';
import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** What each site last said of a movie on a list (`reminder` or `watched`) of a user. Times in milliseconds. */
export const siteStates = sqliteTable(
  'site_states',
  {
    userId: text('user_id').notNull(),
    movieId: integer('movie_id').notNull(),
    list: text('list').notNull(),
    site: text('site').notNull(),
    time: integer('time').notNull(),
    revision: integer('revision').notNull(),
    listed: integer('listed', { mode: 'boolean' }).notNull(),
    remindAt: integer('remind_at'),
    addedAt: integer('added_at').notNull(),
    removedAt: integer('removed_at'),
    dueAt: integer('due_at'),
  },
  (table) => [primaryKey({ columns: [table.userId, table.movieId, table.list, table.site] })],
);

/** The lists as they are shown: what follows from the states of all sites. */
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

/** What the stream last held on the schedule and due subjects of a reminder. */
export const schedules = sqliteTable(
  'schedules',
  {
    userId: text('user_id').notNull(),
    movieId: integer('movie_id').notNull(),
    site: text('site').notNull(),
    /** Sequence of the last message on either subject. */
    revision: integer('revision').notNull(),
    /** The time that the broker waits for; null where nothing is scheduled. */
    remindAt: integer('remind_at'),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.movieId, table.site] }),
    index('schedules_waiting').on(table.site, table.remindAt).where(sql`remind_at IS NOT NULL`),
  ],
);

/** Reminders whose schedule is not as it should be: `remind_at` is what it should be, null for none. */
export const unsettled = sqliteTable(
  'unsettled',
  {
    userId: text('user_id').notNull(),
    movieId: integer('movie_id').notNull(),
    site: text('site').notNull(),
    remindAt: integer('remind_at'),
  },
  (table) => [primaryKey({ columns: [table.site, table.userId, table.movieId] })],
);

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
