/** Which of two sites' states of the same thing holds. */

/** A state with the time (milliseconds since 1970) and the site of its event. */
export interface SiteState {
  time: number;
  site: string;
}

/**
 * Whether `a` wins over `b`: the later, or at the same time the greater site name. Within one site it is the order of
 * the stream that decides, not the time; so keep the last state of each site, and let the winner of those hold. Then
 * every replica comes to the same answer in any order of arrival.
 */
export function wins(a: SiteState, b: SiteState): boolean {
  return a.time > b.time || (a.time === b.time && a.site > b.site);
}
