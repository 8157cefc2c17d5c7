/**
 * What several sites say of one movie on one list of one user, and what follows from it. Pure.
 *
 * Within a site the order of its stream decides. Across sites the later time does, then the greater site name. Only
 * what a site last said is kept, so any order of arrival that keeps each site's own order gives the same answer.
 * All times are milliseconds since 1970.
 */
import { winnerOf } from '../../shared/views/sites.ts';
import type { LibraryChange } from './contract.ts';

/** The lists that a movie can be on. */
export type ListName = 'reminder' | 'watched';

/** What an event says of one list. */
export interface Change {
  site: string;
  time: number;
  /** Stream sequence of the event. */
  revision: number;
  listed: boolean;
  remindAt: number | null;
}

/** What a site last said, with what is worth keeping of what it said before. */
export interface SiteState extends Change {
  /** Time of the event that began the present stay on the list. */
  addedAt: number;
  /** When this site last took the movie off the list. */
  removedAt: number | null;
  /** When `remindAt` came. */
  dueAt: number | null;
}

/** What the list shows. `site` is the one whose word holds. */
export type Entry = Pick<SiteState, 'site' | 'addedAt' | 'remindAt' | 'dueAt'>;

/** What an event changes: the same event may change both lists. */
export function changesOf(data: LibraryChange): { list: ListName; listed: boolean; remindAt: number | null }[] {
  switch (data.kind) {
    case 'reminderSet':
      return [{ list: 'reminder', listed: true, remindAt: data.remindAt === null ? null : Date.parse(data.remindAt) }];
    case 'reminderCleared':
      return [{ list: 'reminder', listed: false, remindAt: null }];
    case 'watched':
      return [
        { list: 'watched', listed: true, remindAt: null },
        { list: 'reminder', listed: false, remindAt: null },
      ];
    case 'unwatched':
      return [{ list: 'watched', listed: false, remindAt: null }];
    default:
      return data satisfies never;
  }
}

/** A site's state after a change. One that was applied already, or was overtaken, changes nothing. */
export function next(previous: SiteState | undefined, change: Change): SiteState {
  if (previous && previous.revision >= change.revision) return previous;
  const removedAt = previous?.removedAt ?? null;
  const began = { addedAt: change.time };
  if (!change.listed) {
    return { ...change, ...began, removedAt: Math.max(change.time, removedAt ?? 0), dueAt: null };
  }
  if (!previous?.listed) return { ...change, ...began, removedAt, dueAt: null };
  const { addedAt } = previous;
  const dueAt = previous.remindAt === change.remindAt ? previous.dueAt : null;
  return { ...change, addedAt, removedAt, dueAt };
}

/** A site's state when a reminder of its is due: only the reminder that is still set for that time. */
export function becameDue(state: SiteState, remindAt: number, time: number): SiteState {
  const fits = state.listed && state.remindAt === remindAt && state.dueAt === null;
  return fits ? { ...state, dueAt: time } : state;
}

/** What follows from the states of all sites; null where the movie is not on the list. */
export function merge(states: SiteState[]): Entry | null {
  const winner = winnerOf(states);
  if (!winner?.listed) return null;
  // What a site said before it was taken off the list at another one is over.
  const stays = states
    .filter((state) => state === winner || (state.listed && removalElsewhere(states, state, Infinity) < state.time))
    .map((state) => ({ ...state, addedAt: Math.max(state.addedAt, removalElsewhere(states, state, state.time)) }));
  const due = stays.flatMap(({ remindAt, dueAt }) => (remindAt === winner.remindAt && dueAt !== null ? [dueAt] : []));
  return {
    site: winner.site,
    addedAt: Math.min(...stays.map(({ addedAt }) => addedAt)),
    remindAt: winner.remindAt,
    dueAt: due.length > 0 ? Math.min(...due) : null,
  };
}

/** When another site last took the movie off the list, not later than `until`; -Infinity where none did. */
function removalElsewhere(states: SiteState[], own: SiteState, until: number): number {
  const times = states.map((other) => (other === own ? null : other.removedAt));
  return Math.max(-Infinity, ...times.map((time) => (time !== null && time <= until ? time : -Infinity)));
}
