/** From library events and schedules to lists. */

import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import type { Database } from '../../shared/views/database.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { movieIdOf } from '../movies/contract.ts';
import { type LibraryChange, libraryChanged, reminderDue, reminderScheduled, reminderUnscheduled } from './contract.ts';
import { becameDue, changesOf, type Entry, type ListName, merge, next, type SiteState } from './state.ts';

interface StateRow extends Omit<SiteState, 'listed'> {
  listed: number;
}

/** Prepares the projection of LIBRARY. */
export function libraryProjection(db: Database): Projection {
  const states = stateRows(db);
  const schedules = scheduleRows(db);
  const putEntry = db.$client.prepare(
    `INSERT OR REPLACE INTO entries (list, user_id, movie_id, site, added_at, added_revision, remind_at, due_at)
     VALUES (:list, :userId, :movieId, :site, :addedAt, :addedRevision, :remindAt, :dueAt)`,
  );
  const removeEntry = db.$client.prepare('DELETE FROM entries WHERE list = ? AND user_id = ? AND movie_id = ?');

  function show(list: ListName, userId: string, movieId: number): void {
    const entry = merge(states.of(list, userId, movieId));
    if (entry) putEntry.run({ ...entry, list, userId, movieId });
    else removeEntry.run(list, userId, movieId);
    if (list === 'reminder') schedules.settle(userId, movieId, entry);
  }

  function change(event: StoredEvent): void {
    const userId = event.tokens.userId ?? '';
    const data = event.data as LibraryChange;
    const { movieId } = data;
    for (const { list, listed, remindAt } of changesOf(data)) {
      const before = states.of(list, userId, movieId).find(({ site }) => site === event.site);
      const { site, time, sequence: revision } = event;
      states.put(list, userId, movieId, next(before, { site, time, revision, listed, remindAt }));
      show(list, userId, movieId);
    }
  }

  function schedule(event: StoredEvent, remindAt: number | null): void {
    const { userId, movieId } = pairOf(event);
    schedules.put(userId, movieId, event, remindAt);
    show('reminder', userId, movieId);
  }

  function due(event: StoredEvent): void {
    const { userId, movieId } = pairOf(event);
    const remindAt = remindAtOf(event);
    const waiting = schedules.of(userId, movieId, event.site);
    schedules.put(userId, movieId, event, waiting === remindAt ? null : waiting);
    const before = states.of('reminder', userId, movieId).find(({ site }) => site === event.site);
    if (before) states.put('reminder', userId, movieId, becameDue(before, remindAt, event.time));
    show('reminder', userId, movieId);
  }

  function apply(event: StoredEvent): void {
    if (event.type === libraryChanged.type) change(event);
    else if (event.type === reminderUnscheduled.type) schedule(event, null);
    else if (event.subject.startsWith('reminders.due.')) due(event);
    else schedule(event, remindAtOf(event));
  }

  return {
    stream: 'LIBRARY',
    // All of the stream: a command waits for its last sequence, whatever is stored there.
    filter: '>',
    events: [libraryChanged, reminderScheduled, reminderUnscheduled, reminderDue],
    apply,
  };
}

function remindAtOf(event: StoredEvent): number {
  return Date.parse((event.data as { remindAt: string }).remindAt);
}

function pairOf(event: StoredEvent): { userId: string; movieId: number } {
  return { userId: event.tokens.userId ?? '', movieId: movieIdOf(event) };
}

/** Rows of what each site last said. */
function stateRows(db: Database) {
  const select = db.$client.prepare<[string, number, string], StateRow>(
    `SELECT site, time, revision, listed, remind_at AS remindAt, added_at AS addedAt,
       added_revision AS addedRevision, removed_at AS removedAt, due_at AS dueAt
     FROM site_states WHERE user_id = ? AND movie_id = ? AND list = ?`,
  );
  const upsert = db.$client.prepare(
    `INSERT OR REPLACE INTO site_states (user_id, movie_id, list, site, time, revision, listed, remind_at, added_at,
       added_revision, removed_at, due_at)
     VALUES (:userId, :movieId, :list, :site, :time, :revision, :listed, :remindAt, :addedAt,
       :addedRevision, :removedAt, :dueAt)`,
  );
  return {
    of: (list: ListName, userId: string, movieId: number): SiteState[] =>
      select.all(userId, movieId, list).map((row) => ({ ...row, listed: row.listed === 1 })),
    put(list: ListName, userId: string, movieId: number, state: SiteState): void {
      upsert.run({ ...state, list, userId, movieId, listed: state.listed ? 1 : 0 });
    },
  };
}

/** Rows of what the broker has scheduled, and of where that is not what it should be. */
function scheduleRows(db: Database) {
  const select = db.$client.prepare<[string, number], { site: string; remindAt: number | null }>(
    'SELECT site, remind_at AS remindAt FROM schedules WHERE user_id = ? AND movie_id = ?',
  );
  // A message that had been put aside may come after later ones: the later one holds.
  const upsert = db.$client.prepare(
    `INSERT INTO schedules (user_id, movie_id, site, revision, remind_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (user_id, movie_id, site) DO UPDATE SET revision = excluded.revision, remind_at = excluded.remind_at
     WHERE revision < excluded.revision`,
  );
  const putUnsettled = db.$client.prepare(
    'INSERT OR REPLACE INTO unsettled (user_id, movie_id, site, remind_at) VALUES (?, ?, ?, ?)',
  );
  const clearUnsettled = db.$client.prepare('DELETE FROM unsettled WHERE user_id = ? AND movie_id = ? AND site = ?');

  return {
    of: (userId: string, movieId: number, site: string): number | null =>
      select.all(userId, movieId).find((row) => row.site === site)?.remindAt ?? null,
    put(userId: string, movieId: number, { site, sequence }: StoredEvent, remindAt: number | null): void {
      upsert.run(userId, movieId, site, sequence, remindAt);
    },
    /** Compares what is scheduled with what should be: the site whose word holds reminds, and no other. */
    settle(userId: string, movieId: number, entry: Entry | null): void {
      const scheduled = new Map(select.all(userId, movieId).map(({ site, remindAt }) => [site, remindAt]));
      if (entry && !scheduled.has(entry.site)) scheduled.set(entry.site, null);
      for (const [site, present] of scheduled) {
        const wanted = entry?.site === site && entry.dueAt === null ? entry.remindAt : null;
        if (wanted === present) clearUnsettled.run(userId, movieId, site);
        else putUnsettled.run(userId, movieId, site, wanted);
      }
    },
  };
}
