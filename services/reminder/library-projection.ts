/** Turns library events and schedules into lists. */
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { invalid } from '../../shared/operations/errors.ts';
import { userText } from '../../shared/operations/fields.ts';
import type { Database } from '../../shared/views/database.ts';
import { matching, upsert } from '../../shared/views/prepared.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { movieIdOf } from '../movies/contract.ts';
import { type LibraryChange, libraryChanged, reminderDue, reminderScheduled, reminderUnscheduled } from './contract.ts';
import { entries, scheduleMismatches, schedules, siteStates } from './schema.ts';
import { becameDue, changesOf, type Entry, type ListName, merge, next, type SiteState } from './state.ts';

/** Prepares the projection of LIBRARY. */
export function libraryProjection(db: Database): Projection {
  const states = stateRows(db);
  const scheduled = scheduleRows(db);
  const putEntry = upsert(db, entries, [entries.list, entries.userId, entries.movieId]);
  const removeEntry = db
    .delete(entries)
    .where(matching(entries, 'list', 'userId', 'movieId'))
    .prepare();

  /** Writes the list entry that follows from the states of all sites. */
  function writeEntry(list: ListName, userId: string, movieId: number): void {
    const entry = merge(states.of(list, userId, movieId));
    if (entry) putEntry.run({ ...entry, list, userId, movieId });
    else removeEntry.run({ list, userId, movieId });
    if (list === 'reminder') scheduled.compare(userId, movieId, entry);
  }

  function applyChange(event: StoredEvent): void {
    const userId = userOf(event);
    const data = event.data as LibraryChange;
    const { movieId } = data;
    for (const { list, listed, remindAt } of changesOf(data)) {
      const before = states.of(list, userId, movieId).find(({ site }) => site === event.site);
      const { site, time } = event;
      states.put(list, userId, movieId, next(before, { site, time, listed, remindAt }));
      writeEntry(list, userId, movieId);
    }
  }

  function applySchedule(event: StoredEvent, remindAt: number | null): void {
    const { userId, movieId } = pairOf(event);
    scheduled.put(userId, movieId, event, remindAt);
    writeEntry('reminder', userId, movieId);
  }

  function applyDue(event: StoredEvent): void {
    const { userId, movieId } = pairOf(event);
    const remindAt = remindAtOf(event);
    const waiting = scheduled.of(userId, movieId, event.site);
    scheduled.put(userId, movieId, event, waiting === remindAt ? null : waiting);
    const before = states.of('reminder', userId, movieId).find(({ site }) => site === event.site);
    if (before) states.put('reminder', userId, movieId, becameDue(before, remindAt, event.time));
    writeEntry('reminder', userId, movieId);
  }

  function apply(event: StoredEvent): void {
    if (event.type === libraryChanged.type) applyChange(event);
    else if (event.type === reminderUnscheduled.type) applySchedule(event, null);
    // Scheduled and due events have the same type: the broker only changes the subject.
    else if (event.subject.startsWith('reminders.due.')) applyDue(event);
    else applySchedule(event, remindAtOf(event));
  }

  return {
    stream: 'LIBRARY',
    // Everything in the stream, because commands wait until the view has reached the stream's last sequence.
    filter: '>',
    events: [libraryChanged, reminderScheduled, reminderUnscheduled, reminderDue],
    apply,
  };
}

function remindAtOf(event: StoredEvent): number {
  return Date.parse((event.data as { remindAt: string }).remindAt);
}

function pairOf(event: StoredEvent): { userId: string; movieId: number } {
  return { userId: userOf(event), movieId: movieIdOf(event) };
}

function userOf({ tokens: { userId = '' } }: StoredEvent): string {
  if (userText.safeParse(userId).success) return userId;
  throw invalid({ field: 'userId', message: `${userId.slice(0, 20)}… in the subject has more than 255 characters` });
}

/** Reads and writes the last state of each site. */
function stateRows(db: Database) {
  const { userId, movieId, list, site } = siteStates;
  const select = db
    .select()
    .from(siteStates)
    .where(matching(siteStates, 'list', 'userId', 'movieId'))
    .prepare();
  const put = upsert(db, siteStates, [userId, movieId, list, site]);
  return {
    of: (list: ListName, userId: string, movieId: number): SiteState[] => select.all({ list, userId, movieId }),
    put(list: ListName, userId: string, movieId: number, state: SiteState): void {
      put.run({ ...state, list, userId, movieId });
    },
  };
}

/** Reads and writes what the broker has scheduled, and where that differs from what it should have scheduled. */
function scheduleRows(db: Database) {
  const select = db
    .select()
    .from(schedules)
    .where(matching(schedules, 'userId', 'movieId'))
    .prepare();
  const put = upsert(db, schedules, [schedules.userId, schedules.movieId, schedules.site]);
  const { site, userId, movieId } = scheduleMismatches;
  const putMismatch = upsert(db, scheduleMismatches, [site, userId, movieId]);
  const clearMismatch = db
    .delete(scheduleMismatches)
    .where(matching(scheduleMismatches, 'site', 'userId', 'movieId'))
    .prepare();

  return {
    of: (userId: string, movieId: number, site: string): number | null =>
      select.all({ userId, movieId }).find((row) => row.site === site)?.remindAt ?? null,
    put(userId: string, movieId: number, { site, sequence: revision }: StoredEvent, remindAt: number | null): void {
      put.run({ userId, movieId, site, revision, remindAt });
    },
    /** Records the sites whose schedule is wrong. Only the site with the winning state should have one. */
    compare(userId: string, movieId: number, entry: Entry | null): void {
      const actual = new Map(select.all({ userId, movieId }).map(({ site, remindAt }) => [site, remindAt]));
      if (entry && !actual.has(entry.site)) actual.set(entry.site, null);
      for (const [site, remindAt] of actual) {
        const wanted = entry?.site === site && entry.dueAt === null ? entry.remindAt : null;
        if (wanted === remindAt) clearMismatch.run({ userId, movieId, site });
        else putMismatch.run({ userId, movieId, site, remindAt: wanted });
      }
    },
  };
}
