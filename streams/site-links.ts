/** The list of sites, which the hub announces, and the state of the copies that sites have of each other's streams. */
import { jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import type { Config } from '../shared/process/config.ts';
import { hub, type Sites, streamFrom, streamsOfKind } from '../shared/process/sites.ts';
import { firstDifference } from './openings.ts';
import { localStream, SiteAway, streamAt } from './site-api.ts';
import { copiedKinds } from './sites.ts';
import { updateStream } from './update-stream.ts';

/** Metadata keys of the hub's catalogue: all sites, for starting edges, and removed sites, which are not waited for. */
const sitesKey = 'marquee-sites';
const removedKey = 'marquee-removed-sites';

/** Announces all sites to the edges. To be called at the hub, after `applyStreams`. */
export function announceSites(nc: NatsConnection, { sites }: Sites): Promise<void> {
  return announce(nc, sitesKey, sites);
}

/** Announces which sites were removed and may not connect any more. */
export function announceRemoved(nc: NatsConnection, removed: readonly string[]): Promise<void> {
  return announce(nc, removedKey, removed);
}

async function announce(nc: NatsConnection, key: string, sites: readonly string[]): Promise<void> {
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const info = await jsm.streams.info('CATALOGUE');
  if ((info.config.metadata?.[key] ?? '') === sites.join()) return;
  await updateStream(jsm, info, { metadata: { [key]: sites.join() } });
}

/** Returns the sites that a site is linked to: at an edge the hub, at the hub all edges that were not removed. */
export async function linkedSites(nc: NatsConnection, { site, sites }: Sites): Promise<string[]> {
  if (site !== hub) return [hub];
  const removed = (await localStream(nc, 'CATALOGUE'))?.config.metadata?.[removedKey]?.split(',');
  return sites.filter((name) => name !== hub && !removed?.includes(name));
}

/** Returns all sites that the hub has announced; undefined when the hub does not answer. */
export async function announcedSites(nc: NatsConnection, site: string): Promise<string[] | undefined> {
  try {
    return (await streamAt(nc, { site }, hub, 'CATALOGUE'))?.config.metadata?.[sitesKey]?.split(',');
  } catch (error) {
    if (error instanceof SiteAway) return undefined;
    throw error;
  }
}

/**
 * Returns all sites, for commands that must not miss any: from SITES, or else from the hub.
 * @throws Error at an edge whose hub does not answer
 */
export async function allSites(nc: NatsConnection, at: Pick<Config, 'site' | 'sites' | 'sitesGiven'>): Promise<Sites> {
  const { site, sites, sitesGiven } = at;
  // Without the hub's catalogue or a copy of it, this is the only site.
  if (sitesGiven || !(await localStream(nc, streamFrom('CATALOGUE', hub, { site })))) return { site, sites };
  const announced = await announcedSites(nc, site);
  if (!announced && site !== hub) {
    throw new Error(`${hub} does not answer, and SITES is not set. Set SITES, or try again when the hub answers.`);
  }
  return { site, sites: announced ?? sites };
}

/** The state of a copy, compared with its home. */
export interface SiteCopy {
  kind: string;
  home: string;
  /** The site that has the copy. */
  at: string;
  /** Last sequences of home and copy; null when there is no such stream. */
  homeSequence: number | null;
  copySequence: number | null;
  /** Whether the copy has messages that its home has lost. */
  lost: boolean;
  /** Whether the copy is older than the recovery of its home, and may differ. */
  outdated: boolean;
}

export interface SiteStates {
  /** Whether each linked site answers. */
  answers: Record<string, boolean>;
  /** How far the clocks of sites that answer are ahead of this site's, negative when behind. Milliseconds. */
  clocks: Record<string, number>;
  copies: SiteCopy[];
}

/**
 * Compares the copies that this site has with their homes, and this site's streams with their copies at linked sites:
 * at the hub those are all edges, at an edge only the hub, which passes on the streams of the others.
 */
export async function siteStates(nc: NatsConnection, sites: Sites): Promise<SiteStates> {
  const { site } = sites;
  const answers: Record<string, boolean> = {};
  const clocks: Record<string, number> = {};
  const copies = await Promise.all(
    (await linkedSites(nc, sites)).map(async (other) => {
      const pairs = [pairsOf(other, site, sites), pairsOf(site, other, sites)].flat();
      try {
        const found = await Promise.all(pairs.map((pair) => statesOf(nc, sites, pair)));
        answers[other] = true;
        const ts = (await streamAt(nc, sites, other, 'VOTES'))?.ts;
        if (ts) clocks[other] = Date.parse(ts) - Date.now();
        return found;
      } catch (error) {
        if (!(error instanceof SiteAway)) throw error;
        answers[other] = false;
        return [];
      }
    }),
  );
  return { answers, clocks, copies: copies.flat() };
}

type Pair = Pick<SiteCopy, 'kind' | 'home' | 'at'>;

/** Returns the kinds of streams of `home` that `at` copies. */
function pairsOf(home: string, at: string, { sites }: Sites): Pair[] {
  return copiedKinds
    .filter((kind) => streamsOfKind(kind, { site: at, sites }).some((one) => one.home === home))
    .map((kind) => ({ kind, home, at }));
}

async function statesOf(nc: NatsConnection, sites: Sites, { kind, home, at }: Pair): Promise<SiteCopy> {
  // The copy is read first: otherwise, with messages stored in between, it could seem to have more than its home.
  const copy = await streamAt(nc, sites, at, streamFrom(kind, home, { site: at }));
  const own = await streamAt(nc, sites, home, kind);
  const last = (info: StreamInfo | undefined): number | null => info?.state.last_seq ?? null;
  const ahead = (last(copy) ?? 0) > (last(own) ?? 0);
  const lost = ahead || (await firstDifference(nc, sites, { home, own, at, copy })) !== undefined;
  const since = own && recopiedSince(own);
  const outdated = since !== undefined && copy !== undefined && since !== recopiedSince(copy);
  return { kind, home, at, homeSequence: last(own), copySequence: last(copy), lost, outdated };
}

/** Clock differences up to this are ignored, because answers take their time on slow links. */
const toleratedMs = 10_000;

/** Describes the problems that need an operator, in sentences that name the site and the command to run. */
export function siteProblems({ clocks, copies }: Pick<SiteStates, 'clocks' | 'copies'>): string[] {
  const ahead = copies.filter((copy) => copy.lost);
  const lost = kindsBy(ahead, ({ home }) => home).map(([home, kinds]) => {
    const what = home === hub ? 'was restored to an older state' : 'was wiped, or restored to an older state';
    const lacks = `other sites have events of its ${kinds} that it lacks`;
    return `The site ${home} ${what}: ${lacks}. At ${home}: ${recoverCommand(home)}`;
  });
  const outdated = copies.filter((copy) => copy.outdated);
  const stale = kindsBy(outdated, ({ at }) => at).map(
    ([at, kinds]) =>
      `The copies at ${at} of ${kinds} are older than the recovery of their home, and may differ. At ${at}: ${recoverCommand(at)}`,
  );
  const wrong = Object.entries(clocks).flatMap(([site, ms]) => {
    if (Math.abs(ms) < toleratedMs) return [];
    const side = ms > 0 ? 'ahead of' : 'behind';
    const difference = `${Math.abs(Math.round(ms / 1000))} s ${side}`;
    return `The clock of ${site} is ${difference} this site's: of two decisions about the same thing, the earlier may win. Correct the wrong clock (timedatectl)`;
  });
  return [...lost, ...stale, ...wrong];
}

const recoverCommand = (site: string): string => `npm run site -- recover${site === hub ? '' : ` ${site}`}`;

function kindsBy(copies: SiteCopy[], key: (copy: SiteCopy) => string): [string, string][] {
  const groups = Object.entries(Object.groupBy(copies, key));
  return groups.map(([site, group = []]) => [site, [...new Set(group.map(({ kind }) => kind))].join(', ')]);
}

/** Metadata key: when the home recovered the stream and copies differed. Recreated copies have the same value. */
export const recopyKey = 'marquee-copy-anew';

/** Returns the time under `recopyKey`. */
export function recopiedSince({ config }: Pick<StreamInfo, 'config'>): string | undefined {
  return config.metadata?.[recopyKey];
}
