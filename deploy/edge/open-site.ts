/** What a site does before it takes its first write: its streams are whole, and its copies are of what others have now. */
import type { NatsConnection } from '@nats-io/nats-core';
import type { Config } from '../../shared/process/config.ts';
import { hub } from '../../shared/process/sites.ts';
import { type Applied, applyStreams } from '../../streams/all.ts';
import { recover, refreshCopies } from '../../streams/recover.ts';
import { SiteAway, streamAt } from '../../streams/site-api.ts';
import { announcedSites, announceSites } from '../../streams/site-links.ts';
import { copiedKinds } from '../../streams/sites.ts';

interface OpenOptions {
  /** As for `applyStreams`. */
  accept?: boolean;
  say?: (line: string) => void;
}

/** Other sites reconnect within a second or two. */
const reconnectMs = 4000;
/** The link of an edge that starts stands sooner: until then nobody answers, and at once. */
const linkMs = 2000;
const askAgainMs = 100;

/** All sites, as the hub says now, or as an edge knows them where the hub does not answer in time. */
export async function sitesKnown(
  nc: NatsConnection,
  edge: string,
  known: string[],
  withinMs = linkMs,
): Promise<string[]> {
  const until = performance.now() + withinMs;
  do {
    const announced = await announcedSites(nc, edge);
    if (announced?.includes(edge)) return announced;
    await new Promise((resolve) => setTimeout(resolve, askAgainMs));
  } while (performance.now() < until);
  return known;
}

/**
 * Brings back what other sites have of this one, then applies all streams.
 * @throws Error at an edge that has no streams while its hub does not answer: it cannot know what it had made before
 */
export async function openSite(
  nc: NatsConnection,
  config: Pick<Config, 'site' | 'sites' | 'streamReplicas'>,
  { accept = false, say = () => {} }: OpenOptions = {},
): Promise<Applied> {
  if (config.sites.length > 1) await bringBack(nc, config, say);
  const applied = await applyStreams(nc, config, { accept });
  if (config.sites.length > 1) {
    if (config.site === hub) await announceSites(nc, config);
    await refreshCopies(nc, config, say);
  }
  return applied;
}

async function bringBack(
  nc: NatsConnection,
  config: Pick<Config, 'site' | 'sites' | 'streamReplicas'>,
  say: (line: string) => void,
): Promise<void> {
  const until = performance.now() + reconnectMs;
  for (;;) {
    try {
      const { away } = await recover(nc, config, say);
      if (away.length === 0 || performance.now() > until) return;
    } catch (error) {
      if (!(error instanceof SiteAway)) throw error;
      if (performance.now() > until) {
        if (await hasStreams(nc, config)) return;
        throw new Error(
          `The hub does not answer. At its first start, or without its disk, ${config.site} has to know what the hub has of it. ` +
            `Is the hub up, does it let ${config.site} in (there: npm run site -- add ${config.site}), and is the address right?`,
        );
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Whether an edge has the streams that it writes to. */
async function hasStreams(nc: NatsConnection, config: Pick<Config, 'site'>): Promise<boolean> {
  const own = copiedKinds.filter((kind) => kind !== 'CATALOGUE');
  const found = await Promise.all(own.map((kind) => streamAt(nc, config, config.site, kind)));
  return found.every((info) => info !== undefined && !info.config.mirror);
}

const lookEveryMs = 3000;

/** Copies anew, while a site runs, what other sites had to bring back, and says when the hub knows of more sites. */
export function followSites(
  nc: NatsConnection,
  config: Pick<Config, 'site' | 'sites' | 'streamReplicas'>,
  say: (line: string) => void,
): Disposable {
  let told = config.sites.join();
  const look = async (): Promise<void> => {
    await refreshCopies(nc, config, say);
    const announced = config.site === hub ? undefined : (await announcedSites(nc, config.site))?.join();
    if (announced === undefined || announced === told) return;
    told = announced;
    say(`The sites are ${announced} now: start ${config.site} again, and it copies all of them.`);
  };
  // What fails because a link is down is tried again.
  const again = (): NodeJS.Timeout =>
    setTimeout(async () => {
      await look().catch(() => {});
      if (!ended) timer = again();
    }, lookEveryMs);
  let ended = false;
  let timer = again();
  return {
    [Symbol.dispose]() {
      ended = true;
      clearTimeout(timer);
    },
  };
}
