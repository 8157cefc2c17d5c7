/** From rows to answers. */
import { decodeCursor, paginate } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import type { Known } from './commands.ts';
import type { ListName } from './state.ts';

/** A movie on a list of a user. Times are milliseconds since 1970. */
export interface EntryRow {
  userId: string;
  movieId: number;
  /** Null when the movie is gone. */
  title: string | null;
  addedAt: number;
  addedRevision: number;
  remindAt: number | null;
  dueAt: number | null;
}

/** A reminder whose schedule is to be looked after. `remindAt` is what should be scheduled; null for nothing. */
export interface ScheduleRow {
  userId: string;
  movieId: number;
  remindAt: number | null;
  /** Sequence of the last message that the view has seen on its schedule and due subjects; 0 for none. */
  revision: number;
}

/** What a site's schedule and due subjects of a reminder last held, as far as the view knows. */
export type KnownSchedule = Pick<ScheduleRow, 'revision' | 'remindAt'>;

interface PageInput {
  limit: number;
  cursor?: string | undefined;
}

const title = `(SELECT t.title FROM titles t WHERE t.movie_id = e.movie_id ORDER BY t.time DESC, t.site DESC LIMIT 1)`;
const columns = `e.user_id AS userId, e.movie_id AS movieId, ${title} AS title, e.added_at AS addedAt,
  e.added_revision AS addedRevision, e.remind_at AS remindAt, e.due_at AS dueAt`;

export type ReminderQueries = ReturnType<typeof reminderQueries>;

/** Prepares the queries of a reminder view. */
export function reminderQueries(db: Database) {
  const entry = db.$client.prepare<[ListName, string, number], EntryRow>(
    `SELECT ${columns} FROM entries e WHERE e.list = ? AND e.user_id = ? AND e.movie_id = ?`,
  );
  const order = 'ORDER BY e.added_at DESC, e.added_revision DESC';
  const ofUser = db.$client.prepare<unknown[], EntryRow>(
    `SELECT ${columns} FROM entries e WHERE e.list = ? AND e.user_id = ?
     AND (e.added_at, e.added_revision, e.movie_id) < (?, ?, ?) ${order}, e.movie_id DESC LIMIT ?`,
  );
  const ofAll = db.$client.prepare<unknown[], EntryRow>(
    `SELECT ${columns} FROM entries e WHERE e.list = ?
     AND (e.added_at, e.added_revision, e.user_id, e.movie_id) < (?, ?, ?, ?)
     ${order}, e.user_id DESC, e.movie_id DESC LIMIT ?`,
  );
  const titleOf = db.$client.prepare<[number], { title: string | null }>(
    'SELECT title FROM titles WHERE movie_id = ? ORDER BY time DESC, site DESC LIMIT 1',
  );
  const schedule = db.$client.prepare<[string, number, string], KnownSchedule>(
    'SELECT revision, remind_at AS remindAt FROM schedules WHERE user_id = ? AND movie_id = ? AND site = ?',
  );
  const unsettled = db.$client.prepare<[string, number], ScheduleRow>(
    `SELECT u.user_id AS userId, u.movie_id AS movieId, u.remind_at AS remindAt, coalesce(s.revision, 0) AS revision
     FROM unsettled u LEFT JOIN schedules s USING (user_id, movie_id, site) WHERE u.site = ? LIMIT ?`,
  );
  const waiting = db.$client.prepare<[string, number, number], ScheduleRow>(
    `SELECT user_id AS userId, movie_id AS movieId, remind_at AS remindAt, revision
     FROM schedules WHERE site = ? AND remind_at IS NOT NULL AND remind_at <= ? ORDER BY remind_at LIMIT ?`,
  );
  // Behind every key: where the first page begins.
  const top = Number.MAX_SAFE_INTEGER;

  return {
    entry: (list: ListName, userId: string, movieId: number) => entry.get(list, userId, movieId),
    /** What is decided on, as of one moment: a change in between would belong to half of it, and be undone unseen. */
    known: db.$client.transaction(
      (userId: string, movieId: number, site: string): Known => ({
        remindAt: entry.get('reminder', userId, movieId)?.remindAt ?? null,
        schedule: schedule.get(userId, movieId, site) ?? { revision: 0, remindAt: null },
      }),
    ),
    /** A page of a user's list, newest first. @throws AppError invalid for a cursor of another list. */
    ofUser(list: ListName, userId: string, { limit, cursor }: PageInput) {
      const scope = JSON.stringify([list, userId]);
      const after = cursor === undefined ? [top, top, top] : decodeCursor(scope, cursor, 3);
      const rows = ofUser.all(list, userId, ...after, limit + 1);
      return paginate(rows, limit, scope, (row) => [row.addedAt, row.addedRevision, row.movieId]);
    },
    /** A page of the lists of all users, newest first. @throws AppError as ofUser. */
    ofAll(list: ListName, { limit, cursor }: PageInput) {
      const after = cursor === undefined ? [top, top, '', top] : decodeCursor(list, cursor, 4);
      const rows = ofAll.all(list, ...after, limit + 1);
      return paginate(rows, limit, list, (row) => [row.addedAt, row.addedRevision, row.userId, row.movieId]);
    },
    /** Title of a movie; undefined where there is none. */
    title: (movieId: number): string | undefined => titleOf.get(movieId)?.title ?? undefined,
    /** Reminders of a site whose schedule is not as it should be. */
    unsettled: (site: string, limit: number) => unsettled.all(site, limit),
    /** Reminders of a site that the broker should have scheduled for `before` or earlier. */
    waiting: (site: string, before: number, limit: number) => waiting.all(site, before, limit),
  };
}
