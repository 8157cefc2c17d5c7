/** The sites of a system, and which streams of this site's broker hold what each of them has made. */

/** Which site this is, and all that there are. */
export interface Sites {
  site: string;
  sites: readonly string[];
}

/** The site that all others are linked to, and that alone writes the catalogue. */
export const hub = 'hub';

/** A stream at this site's broker, and the site that its events were made at. */
export interface SiteStream {
  stream: string;
  home: string;
  /** The site whose events alone may be in it: set for copies of edges. The hub had those of other sites before there were edges. */
  onlyFrom?: string | undefined;
}

/** Name of the stream of a kind (`VOTES`) from a site, at this site's broker: the own one, or the copy of the other's. */
export function streamFrom(kind: string, home: string, { site }: Pick<Sites, 'site'>): string {
  return home === site ? kind : `${kind}_${home}`;
}

/** The site that the catalogue is written at. */
export function catalogueHome({ site, sites }: Sites): string {
  return sites.includes(hub) ? hub : site;
}

/** The stream at this site's broker that holds all that one can wait for here of a kind: the own one, or of the catalogue the hub's. */
export function awaitedStream(kind: string, at: Sites): string {
  return kind === 'CATALOGUE' ? streamFrom(kind, catalogueHome(at), at) : kind;
}

export function siteStream(kind: string, home: string, at: Pick<Sites, 'site'>): SiteStream {
  const onlyFrom = home === at.site || home === hub ? undefined : home;
  return { stream: streamFrom(kind, home, at), home, onlyFrom };
}

/** The streams of a kind at this site's broker: one for each site that makes such events. */
export function streamsOfKind(kind: string, at: Sites): SiteStream[] {
  const homes = kind === 'CATALOGUE' ? [catalogueHome(at)] : at.sites;
  return homes.map((home) => siteStream(kind, home, at));
}

/** What all sites call a stream of this site's broker. In a system of one site it has one name. */
export function streamEverywhere(stream: string, at: Sites): string {
  return at.sites.length === 1 || isCopy(stream, at) ? stream : `${stream}_${at.site}`;
}

/** What a stream that has its name everywhere is called at this site's broker. */
export function streamHere(name: string, { site, sites }: Sites): string {
  return sites.length > 1 && homeIn(name) === site ? name.slice(0, name.indexOf('_')) : name;
}

/** Whether a stream of this site's broker is the copy of another site's. */
export function isCopy(stream: string, { site, sites }: Sites): boolean {
  const home = homeIn(stream);
  return home !== undefined && home !== site && sites.includes(home);
}

/** The site in the name of a copy: kinds have no `_`, sites may. */
function homeIn(stream: string): string | undefined {
  return /^[^_]+_(.+)$/.exec(stream)?.[1];
}
