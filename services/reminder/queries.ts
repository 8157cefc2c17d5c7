/** The queries of the reminder view, each prepared once. */
import { and, desc, eq, isNotNull, lte, max, ne, type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import { decodeCursor, type PageInput, paginate } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import { matching } from '../../shared/views/prepared.ts';
import type { Known, KnownSchedule } from './commands.ts';
import { entries, scheduleMismatches, schedules, siteStates, titles } from './schema.ts';
import type { ListName } from './state.ts';

/** A movie on a list of a user. Times are milliseconds since 1970. */
export interface EntryRow {
  userId: string;
  movieId: number;
  /** Null for a removed movie. */
  title: string | null;
  addedAt: number;
  remindAt: number | null;
  dueAt: number | null;
}

/** A reminder whose schedule the keeper checks. `remindAt` is the time that should be scheduled; null for none. */
export interface ScheduleRow extends KnownSchedule {
  userId: string;
  movieId: number;
}

const ofUserKey = z.tuple([z.int(), z.int()]);
const ofAllKey = z.tuple([z.int(), z.string(), z.int()]);

export type ReminderQueries = ReturnType<typeof reminderQueries>;

/** Prepares the queries of a reminder view. */
export function reminderQueries(db: Database) {
  const { placeholder } = sql;
  const { entry, ofUser, ofAll } = entryQueries(db);
  const titleOf = db
    .select({ title: titles.title })
    .from(titles)
    .where(eq(titles.movieId, placeholder('movieId')))
    .prepare();
  const { revision, remindAt } = schedules;
  const schedule = db
    .select({ revision, remindAt })
    .from(schedules)
    .where(matching(schedules, 'userId', 'movieId', 'site'))
    .prepare();
  const elsewhere = db
    .select({ time: max(siteStates.time) })
    .from(siteStates)
    .where(and(matching(siteStates, 'userId', 'movieId'), ne(siteStates.site, placeholder('site'))))
    .prepare();
  const { userId, movieId, site, remindAt: wanted } = scheduleMismatches;
  const sameReminder = and(eq(schedules.userId, userId), eq(schedules.movieId, movieId), eq(schedules.site, site));
  const mismatches = db
    .select({ userId, movieId, remindAt: wanted, revision: sql<number>`coalesce(${revision}, 0)` })
    .from(scheduleMismatches)
    .leftJoin(schedules, sameReminder)
    .where(eq(site, placeholder('site')))
    .limit(placeholder('limit'))
    .prepare();
  const waiting = db
    .select({ userId: schedules.userId, movieId: schedules.movieId, remindAt, revision })
    .from(schedules)
    .where(and(eq(schedules.site, placeholder('site')), isNotNull(remindAt), lte(remindAt, placeholder('before'))))
    .orderBy(remindAt)
    .limit(placeholder('limit'))
    .prepare();
  // Greater than every key, so that the first page starts at the newest entry.
  const top = Number.MAX_SAFE_INTEGER;

  return {
    entry: (list: ListName, userId: string, movieId: number): EntryRow | undefined =>
      entry.get({ list, userId, movieId }),
    /** Reads the state for a command in one transaction. A change between the reads could otherwise be lost. */
    known: (userId: string, movieId: number, site: string): Known =>
      db.transaction(() => ({
        remindAt: entry.get({ list: 'reminder', userId, movieId })?.remindAt ?? null,
        schedule: schedule.get({ userId, movieId, site }) ?? { revision: 0, remindAt: null },
        after: elsewhere.get({ userId, movieId, site })?.time ?? undefined,
      })),
    /** Returns a page of a user's list, newest first. @throws AppError invalid for a cursor of another list */
    ofUser(list: ListName, userId: string, { limit, cursor }: PageInput) {
      const scope = JSON.stringify([list, userId]);
      const [addedAt, movieId] = cursor === undefined ? [top, top] : decodeCursor(scope, cursor, ofUserKey);
      const rows = ofUser.all({ list, userId, addedAt, movieId, limit: limit + 1 });
      return paginate(rows, limit, scope, (row) => [row.addedAt, row.movieId]);
    },
    /** Returns a page of the lists of all users, newest first. @throws AppError as ofUser */
    ofAll(list: ListName, { limit, cursor }: PageInput) {
      const [addedAt, userId, movieId] = cursor === undefined ? [top, '', top] : decodeCursor(list, cursor, ofAllKey);
      const rows = ofAll.all({ list, addedAt, userId, movieId, limit: limit + 1 });
      return paginate(rows, limit, list, (row) => [row.addedAt, row.userId, row.movieId]);
    },
    /** Returns the title of a movie; undefined if the catalogue does not have the movie. */
    title: (movieId: number): string | undefined => titleOf.get({ movieId })?.title,
    /** Returns reminders of a site whose schedule is wrong. */
    mismatches: (site: string, limit: number): ScheduleRow[] => mismatches.all({ site, limit }),
    /** Returns reminders of a site that are scheduled for `before` or earlier. */
    waiting: (site: string, before: number, limit: number): ScheduleRow[] => waiting.all({ site, before, limit }),
  };
}

/** Prepares queries for list entries with movie titles. */
function entryQueries(db: Database) {
  const { placeholder } = sql;
  const { userId, movieId, addedAt, remindAt, dueAt } = entries;
  const { title } = titles;
  const where = (...conditions: SQL[]) =>
    db
      .select({ userId, movieId, title, addedAt, remindAt, dueAt })
      .from(entries)
      .leftJoin(titles, eq(titles.movieId, movieId))
      .where(and(eq(entries.list, placeholder('list')), ...conditions));
  const ofUser = eq(userId, placeholder('userId'));
  return {
    entry: where(ofUser, eq(movieId, placeholder('movieId'))).prepare(),
    ofUser: where(ofUser, sql`(${addedAt}, ${movieId}) < (${placeholder('addedAt')}, ${placeholder('movieId')})`)
      .orderBy(desc(addedAt), desc(movieId))
      .limit(placeholder('limit'))
      .prepare(),
    ofAll: where(
      sql`(${addedAt}, ${userId}, ${movieId}) < (${placeholder('addedAt')}, ${placeholder('userId')}, ${placeholder('movieId')})`,
    )
      .orderBy(desc(addedAt), desc(userId), desc(movieId))
      .limit(placeholder('limit'))
      .prepare(),
  };
}
