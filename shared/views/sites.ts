/** Which of several sites' states of the same thing holds. */
import { desc, type SQL } from 'drizzle-orm';
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core';

/** A state with the time (milliseconds since 1970) and the site of its event. */
export interface SiteState {
  time: number;
  site: string;
}

/**
 * The state that holds of those that sites have: the latest, or at the same time the one of the greater site name; undefined
 * where there is none. Within one site it is the order of the stream that decides, not the time; so keep the last state of each
 * site. Then every replica comes to the same answer in any order of arrival.
 */
export function winnerOf<S extends SiteState>(states: S[]): S | undefined {
  let winner: S | undefined;
  for (const state of states) {
    const { time, site } = state;
    if (!winner || time > winner.time || (time === winner.time && site > winner.site)) winner = state;
  }
  return winner;
}

/** The states of all sites with the `next` one of its site; undefined where that site's is as new already. */
export function withState<S extends SiteState & { revision: number }>(states: S[], next: S): S[] | undefined {
  const own = states.find(({ site }) => site === next.site);
  if (own && own.revision >= next.revision) return undefined;
  return [...states.filter((state) => state !== own), next];
}

/** Sorts rows of states in a query so that the one that holds is the first. */
export function winnerFirst({ time, site }: { time: SQLiteColumn; site: SQLiteColumn }): SQL[] {
  return [desc(time), desc(site)];
}
