/** The sites of a system, and the names of each site's streams at this site's broker. */

/** This site, and all sites of the system. */
export interface Sites {
  site: string;
  sites: readonly string[];
}

/** Name of the site that all others are linked to; only this site writes the catalogue. */
export const hub = 'hub';

/** A stream at this site's broker, and the site where its events were created. */
export interface SiteStream {
  stream: string;
  home: string;
  /** The only site whose events it may hold; set for copies of edges' streams. The hub's may hold older ones of others. */
  onlyFrom?: string | undefined;
}

/** Returns the local name of a site's stream: `VOTES` for this site's own, `VOTES_edge1` for the copy of another's. */
export function streamFrom(kind: string, home: string, { site }: Pick<Sites, 'site'>): string {
  return home === site ? kind : `${kind}_${home}`;
}

/** Returns the site that writes the catalogue. */
export function catalogueHome({ site, sites }: Sites): string {
  return sites.includes(hub) ? hub : site;
}

/** Returns the stream that a reader at this site can catch up with: the site's own, but for the catalogue the hub's. */
export function awaitedStream(kind: string, at: Sites): string {
  return kind === 'CATALOGUE' ? streamFrom(kind, catalogueHome(at), at) : kind;
}

export function siteStream(kind: string, home: string, at: Pick<Sites, 'site'>): SiteStream {
  const onlyFrom = home === at.site || home === hub ? undefined : home;
  return { stream: streamFrom(kind, home, at), home, onlyFrom };
}

/** Returns the streams of a kind at this site's broker: one for each site that creates such events. */
export function streamsOfKind(kind: string, at: Sites): SiteStream[] {
  const homes = kind === 'CATALOGUE' ? [catalogueHome(at)] : at.sites;
  return homes.map((home) => siteStream(kind, home, at));
}

/** Returns the name by which all sites know a stream of this site's broker. With a single site, it does not change. */
export function globalStreamName(stream: string, at: Sites): string {
  return at.sites.length === 1 || isCopy(stream, at) ? stream : `${stream}_${at.site}`;
}

/** Returns the name at this site's broker of a stream given by its global name. */
export function localStreamName(name: string, { site, sites }: Sites): string {
  return sites.length > 1 && homeIn(name) === site ? name.slice(0, name.indexOf('_')) : name;
}

/** Returns whether a stream of this site's broker is a copy of another site's. */
export function isCopy(stream: string, { site, sites }: Sites): boolean {
  const home = homeIn(stream);
  return home !== undefined && home !== site && sites.includes(home);
}

/** Returns the site in a stream's name. Kinds contain no `_`, but sites may. */
function homeIn(stream: string): string | undefined {
  return /^[^_]+_(.+)$/.exec(stream)?.[1];
}
