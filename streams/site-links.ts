/** What sites hold of each other, and what the hub tells of them. */
import { jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import type { Config } from '../shared/process/config.ts';
import { hub, type Sites, streamFrom, streamsOfKind } from '../shared/process/sites.ts';
import { firstDifference } from './openings.ts';
import { SiteAway, streamAt, streamHere } from './site-api.ts';
import { copiedKinds } from './sites.ts';
import { updateStream } from './update-stream.ts';

/** Metadata of the hub's catalogue: all sites, for edges that start; and those whose keys are refused, for whom nobody waits. */
const sitesKey = 'marquee-sites';
const removedKey = 'marquee-removed-sites';

/** Lets edges know of each other. At the hub, behind `applyStreams`. */
export function announceSites(nc: NatsConnection, { sites }: Sites): Promise<void> {
  return announce(nc, sitesKey, sites);
}

/** Lets all who watch the links of the hub know which sites may not connect any more. */
export function announceRemoved(nc: NatsConnection, removed: readonly string[]): Promise<void> {
  return announce(nc, removedKey, removed);
}

async function announce(nc: NatsConnection, key: string, sites: readonly string[]): Promise<void> {
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const info = await jsm.streams.info('CATALOGUE');
  if ((info.config.metadata?.[key] ?? '') === sites.join()) return;
  await updateStream(jsm, info, { metadata: { [key]: sites.join() } });
}

/** The sites that a site is linked to: at the hub the edges that may connect. */
export async function linkedSites(nc: NatsConnection, { site, sites }: Sites): Promise<string[]> {
  if (site !== hub) return [hub];
  const removed = (await streamHere(nc, 'CATALOGUE'))?.config.metadata?.[removedKey]?.split(',');
  return sites.filter((name) => name !== hub && !removed?.includes(name));
}

/** All sites that the hub knows; undefined where it does not answer. */
export async function announcedSites(nc: NatsConnection, site: string): Promise<string[] | undefined> {
  try {
    return (await streamAt(nc, { site }, hub, 'CATALOGUE'))?.config.metadata?.[sitesKey]?.split(',');
  } catch (error) {
    if (error instanceof SiteAway) return undefined;
    throw error;
  }
}

/**
 * All sites, for a command that must forget none: as SITES says, or else the hub.
 * @throws Error at an edge whose hub does not answer
 */
export async function allSites(nc: NatsConnection, at: Pick<Config, 'site' | 'sites' | 'sitesGiven'>): Promise<Sites> {
  const { site, sites, sitesGiven } = at;
  // An edge has a copy of the hub's catalogue: who has none, and is no hub, is alone.
  if (sitesGiven || !(await streamHere(nc, streamFrom('CATALOGUE', hub, { site })))) return { site, sites };
  const announced = await announcedSites(nc, site);
  if (!announced && site !== hub) {
    throw new Error(`${hub} does not answer, and SITES is not set: which sites there are is not known.`);
  }
  return { site, sites: announced ?? sites };
}

/** One copy, and what it is a copy of. Sequences are the last ones; null: there is no such stream, or nobody answers. */
export interface SiteCopy {
  kind: string;
  home: string;
  /** The site that has the copy. */
  at: string;
  homeSequence: number | null;
  copySequence: number | null;
  /** Whether it has what its home has no more. */
  lost: boolean;
  /** Whether it was made before its home had to bring the stream back: it may hold something else. */
  outdated: boolean;
}

export interface SiteStates {
  /** Other sites, and whether they answer. */
  answers: Record<string, boolean>;
  /** How far the clocks of those that answer are ahead of this site's, negative where they are behind. Milliseconds. */
  clocks: Record<string, number>;
  copies: SiteCopy[];
}

/**
 * Compares each home with each copy that this site has, or that has what this site made. At the hub that is every edge;
 * at an edge it is the hub, which passes on what the others have made.
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

/** The kinds that `home` makes and `at` copies. */
function pairsOf(home: string, at: string, { sites }: Sites): Pair[] {
  return copiedKinds
    .filter((kind) => streamsOfKind(kind, { site: at, sites }).some((one) => one.home === home))
    .map((kind) => ({ kind, home, at }));
}

async function statesOf(nc: NatsConnection, sites: Sites, { kind, home, at }: Pair): Promise<SiteCopy> {
  // The copy first: what is stored meanwhile must not make it look as if it had more than its home.
  const copy = await streamAt(nc, sites, at, streamFrom(kind, home, { site: at }));
  const own = await streamAt(nc, sites, home, kind);
  const last = (info: StreamInfo | undefined): number | null => info?.state.last_seq ?? null;
  const ahead = (last(copy) ?? 0) > (last(own) ?? 0);
  const lost = ahead || (await firstDifference(nc, sites, { home, own, at, copy })) !== undefined;
  const outdated = own && copy ? copyAnew(own) !== copyAnew(copy) && copyAnew(own) !== undefined : false;
  return { kind, home, at, homeSequence: last(own), copySequence: last(copy), lost, outdated };
}

/** An answer may take a while over a slow link. */
const toleratedMs = 10_000;

/** What an operator has to do, in sentences that name the site and the command. */
export function siteProblems({ clocks, copies }: Pick<SiteStates, 'clocks' | 'copies'>): string[] {
  const ahead = copies.filter((copy) => copy.lost);
  const lost = kindsBy(ahead, ({ home }) => home).map(([home, kinds]) => {
    const what = home === hub ? 'was put back to an older state' : 'was wiped, or put back to an older state';
    return `The site ${home} ${what}: other sites have of its ${kinds} what it has not itself. At ${home}: npm run site -- recover`;
  });
  const outdated = copies.filter((copy) => copy.outdated);
  const stale = kindsBy(outdated, ({ at }) => at).map(
    ([at, kinds]) =>
      `Copies at ${at} date from before ${kinds} was brought back at home. At ${at}: npm run site -- recover`,
  );
  const wrong = Object.entries(clocks).flatMap(([site, ms]) => {
    if (Math.abs(ms) < toleratedMs) return [];
    const side = ms > 0 ? 'ahead of' : 'behind';
    return `The clock of ${site} is ${Math.abs(Math.round(ms / 1000))} s ${side} this site's: of two decisions for the same thing the earlier may hold. Set the wrong one right (timedatectl)`;
  });
  return [...lost, ...stale, ...wrong];
}

function kindsBy(copies: SiteCopy[], key: (copy: SiteCopy) => string): [string, string][] {
  const groups = Object.entries(Object.groupBy(copies, key));
  return groups.map(([site, group = []]) => [site, [...new Set(group.map(({ kind }) => kind))].join(', ')]);
}

/**
 * Metadata of a stream that had to be brought back at its home, and was not what others had copied: when. Copies that do not
 * say the same are of before.
 */
export const copyAnewKey = 'marquee-copy-anew';

/** What a stream says by it. */
export function copyAnew({ config }: Pick<StreamInfo, 'config'>): string | undefined {
  return config.metadata?.[copyAnewKey];
}
