/** Decides which of several sites' states of the same thing wins. */

/** A state with the time (milliseconds since 1970) and the site of the event that set it. */
export interface SiteState {
  time: number;
  site: string;
}

/**
 * Returns the winning state: the latest, or at the same time the one with the greater site name; undefined if there is
 * none. Pass the last state of each site in stream order, because within a site the stream's order decides, not the
 * time. Then all replicas choose the same state, whatever the order in which events of different sites arrive.
 */
export function winnerOf<S extends SiteState>(states: S[]): S | undefined {
  let winner: S | undefined;
  for (const state of states) {
    const { time, site } = state;
    if (!winner || time > winner.time || (time === winner.time && site > winner.site)) winner = state;
  }
  return winner;
}

/** Returns the states with `next` in place of its site's state. */
export function withState<S extends SiteState>(states: S[], next: S): S[] {
  return [...states.filter(({ site }) => site !== next.site), next];
}
