/**
 * Merges the states that several sites have of one movie on a user's list. Pure.
 *
 * Within a site, the order of its stream decides. Across sites, the later time wins, then the greater site name. Only
 * the last state of each site is kept, so every interleaving of the sites' streams gives the same result. All times are
 * milliseconds since 1970.
 */
import { winnerOf } from '../../shared/views/sites.ts';
import type { LibraryChange } from './contract.ts';

/** The lists that a movie can be on. */
export type ListName = 'reminder' | 'watched';

/** The change of one list by an event. */
export interface Change {
  site: string;
  time: number;
  listed: boolean;
  remindAt: number | null;
}

/** The last change at a site, with facts from earlier changes. */
export interface SiteState extends Change {
  /** Time of the event that put the movie on the list. Repeats do not change it. */
  addedAt: number;
  /** When this site last took the movie off the list. */
  removedAt: number | null;
  /** When the reminder for `remindAt` became due. */
  dueAt: number | null;
}

/** The entry that the list shows. `site` is the site whose state won. */
export type Entry = Pick<SiteState, 'site' | 'addedAt' | 'remindAt' | 'dueAt'>;

/** Returns the changes of an event, which may affect both lists. */
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

/** Returns a site's state after a change. */
export function next(previous: SiteState | undefined, change: Change): SiteState {
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

/** Returns a site's state after a due event. The event is ignored unless the reminder is still set for its time. */
export function becameDue(state: SiteState, remindAt: number, time: number): SiteState {
  const applies = state.listed && state.remindAt === remindAt && state.dueAt === null;
  return applies ? { ...state, dueAt: time } : state;
}

/** Merges the states of all sites. Returns null if the movie is not on the list. */
export function merge(states: SiteState[]): Entry | null {
  const winner = winnerOf(states);
  if (!winner?.listed) return null;
  // A state that is older than a removal at another site no longer counts.
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

/** Returns when another site last took the movie off the list, at `until` or before; -Infinity if none did. */
function removalElsewhere(states: SiteState[], own: SiteState, until: number): number {
  const times = states.map((other) => (other === own ? null : other.removedAt));
  return Math.max(-Infinity, ...times.map((time) => (time !== null && time <= until ? time : -Infinity)));
}
