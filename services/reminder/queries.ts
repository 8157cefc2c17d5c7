/** From rows to answers. */
import { and, desc, eq, isNotNull, lte, max, ne, type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import { decodeCursor, paginate } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import { matching } from '../../shared/views/prepared.ts';
import { winnerFirst } from '../../shared/views/sites.ts';
import type { Known, KnownSchedule } from './commands.ts';
import { entries, schedules, siteStates, titles, unsettled } from './schema.ts';
import type { ListName } from './state.ts';

/** A movie on a list of a user. Times are milliseconds since 1970. */
export interface EntryRow {
  userId: string;
  movieId: number;
  /** Null when the movie is gone. */
  title: string | null;
  addedAt: number;
  remindAt: number | null;
  dueAt: number | null;
}

/** A reminder whose schedule is to be looked after. `remindAt` is what should be scheduled; null for nothing. */
export interface ScheduleRow extends KnownSchedule {
  userId: string;
  movieId: number;
}

interface PageInput {
  limit: number;
  cursor?: string | undefined;
}

const ofUserKey = z.tuple([z.int(), z.int()]);
const ofAllKey = z.tuple([z.int(), z.string(), z.int()]);

export type ReminderQueries = ReturnType<typeof reminderQueries>;

/** Prepares the queries of a reminder view. */
export function reminderQueries(db: Database) {
  const asked = sql.placeholder;
  const { entry, ofUser, ofAll } = entryQueries(db);
  const titleOf = db
    .select({ title: titles.title })
    .from(titles)
    .where(eq(titles.movieId, asked('movieId')))
    .orderBy(...winnerFirst(titles))
    .limit(1)
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
    .where(and(matching(siteStates, 'userId', 'movieId'), ne(siteStates.site, asked('site'))))
    .prepare();
  const { userId, movieId, site } = unsettled;
  const ofSame = and(eq(schedules.userId, userId), eq(schedules.movieId, movieId), eq(schedules.site, site));
  const unsettledRows = db
    .select({ userId, movieId, remindAt: unsettled.remindAt, revision: sql<number>`coalesce(${revision}, 0)` })
    .from(unsettled)
    .leftJoin(schedules, ofSame)
    .where(eq(site, asked('site')))
    .limit(asked('limit'))
    .prepare();
  const waiting = db
    .select({ userId: schedules.userId, movieId: schedules.movieId, remindAt, revision })
    .from(schedules)
    .where(and(eq(schedules.site, asked('site')), isNotNull(remindAt), lte(remindAt, asked('before'))))
    .orderBy(remindAt)
    .limit(asked('limit'))
    .prepare();
  // Behind every key: where the first page begins.
  const top = Number.MAX_SAFE_INTEGER;

  return {
    entry: (list: ListName, userId: string, movieId: number): EntryRow | undefined =>
      entry.get({ list, userId, movieId }),
    /** What is decided on, as of one moment: a change in between would belong to half of it, and be undone unseen. */
    known: (userId: string, movieId: number, site: string): Known =>
      db.transaction(() => ({
        remindAt: entry.get({ list: 'reminder', userId, movieId })?.remindAt ?? null,
        schedule: schedule.get({ userId, movieId, site }) ?? { revision: 0, remindAt: null },
        after: elsewhere.get({ userId, movieId, site })?.time ?? undefined,
      })),
    /** A page of a user's list, newest first. @throws AppError invalid for a cursor of another list. */
    ofUser(list: ListName, userId: string, { limit, cursor }: PageInput) {
      const scope = JSON.stringify([list, userId]);
      const [addedAt, movieId] = cursor === undefined ? [top, top] : decodeCursor(scope, cursor, ofUserKey);
      const rows = ofUser.all({ list, userId, addedAt, movieId, limit: limit + 1 });
      return paginate(rows, limit, scope, (row) => [row.addedAt, row.movieId]);
    },
    /** A page of the lists of all users, newest first. @throws AppError as ofUser. */
    ofAll(list: ListName, { limit, cursor }: PageInput) {
      const [addedAt, userId, movieId] = cursor === undefined ? [top, '', top] : decodeCursor(list, cursor, ofAllKey);
      const rows = ofAll.all({ list, addedAt, userId, movieId, limit: limit + 1 });
      return paginate(rows, limit, list, (row) => [row.addedAt, row.userId, row.movieId]);
    },
    /** Title of a movie; undefined where there is none. */
    title: (movieId: number): string | undefined => titleOf.get({ movieId })?.title ?? undefined,
    /** Reminders of a site whose schedule is not as it should be. */
    unsettled: (site: string, limit: number): ScheduleRow[] => unsettledRows.all({ site, limit }),
    /** Reminders of a site that the broker should have scheduled for `before` or earlier. */
    waiting: (site: string, before: number, limit: number): ScheduleRow[] => waiting.all({ site, before, limit }),
  };
}

/** Queries of list entries with the titles of their movies. */
function entryQueries(db: Database) {
  const asked = sql.placeholder;
  const { userId, movieId, addedAt, remindAt, dueAt } = entries;
  const titleOf = db
    .select({ title: titles.title })
    .from(titles)
    .where(eq(titles.movieId, movieId))
    .orderBy(...winnerFirst(titles))
    .limit(1);
  const title = sql<string | null>`${titleOf}`;
  const where = (...conditions: SQL[]) =>
    db
      .select({ userId, movieId, title, addedAt, remindAt, dueAt })
      .from(entries)
      .where(and(eq(entries.list, asked('list')), ...conditions));
  const ofUser = eq(userId, asked('userId'));
  return {
    entry: where(ofUser, eq(movieId, asked('movieId'))).prepare(),
    ofUser: where(ofUser, sql`(${addedAt}, ${movieId}) < (${asked('addedAt')}, ${asked('movieId')})`)
      .orderBy(desc(addedAt), desc(movieId))
      .limit(asked('limit'))
      .prepare(),
    ofAll: where(
      sql`(${addedAt}, ${userId}, ${movieId}) < (${asked('addedAt')}, ${asked('userId')}, ${asked('movieId')})`,
    )
      .orderBy(desc(addedAt), desc(userId), desc(movieId))
      .limit(asked('limit'))
      .prepare(),
  };
}
