/** Prepares a site before its first write: recovers its streams from other sites and brings its copies up to date. */
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

/** How long a hub waits for other sites, which reconnect within a second or two. */
const reconnectMs = 4000;
/** How long an edge waits for its link; until it is up, requests to the hub fail at once. */
const linkMs = 2000;
const retryMs = 100;

/** Returns the sites announced by the hub, or those the edge knows if the hub does not answer in time. */
export async function sitesKnown(
  nc: NatsConnection,
  edge: string,
  known: string[],
  withinMs = linkMs,
): Promise<string[]> {
  const deadline = performance.now() + withinMs;
  do {
    const announced = await announcedSites(nc, edge);
    if (announced?.includes(edge)) return announced;
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  } while (performance.now() < deadline);
  return known;
}

/**
 * Recovers this site's events from other sites, then applies all streams.
 * @throws Error at an edge without streams while its hub does not answer: it cannot know which events it had published
 */
export async function openSite(
  nc: NatsConnection,
  config: Pick<Config, 'site' | 'sites' | 'streamReplicas'>,
  { accept = false, say = () => {} }: OpenOptions = {},
): Promise<Applied> {
  if (config.sites.length > 1) await recoverOwnStreams(nc, config, say);
  const applied = await applyStreams(nc, config, { accept });
  if (config.sites.length > 1) {
    if (config.site === hub) await announceSites(nc, config);
    await refreshCopies(nc, config, say);
  }
  return applied;
}

async function recoverOwnStreams(
  nc: NatsConnection,
  config: Pick<Config, 'site' | 'sites' | 'streamReplicas'>,
  say: (line: string) => void,
): Promise<void> {
  const deadline = performance.now() + reconnectMs;
  for (;;) {
    try {
      const { away } = await recover(nc, config, say);
      if (away.length === 0 || performance.now() > deadline) return;
    } catch (error) {
      if (!(error instanceof SiteAway)) throw error;
      if (performance.now() > deadline) {
        if (await hasStreams(nc, config)) return;
        throw new Error(
          `The hub does not answer. At its first start, or without its disk, ${config.site} must ask the hub for its events. ` +
            `Check that the hub is up, that its address is right, and that it accepts the key of ${config.site}; ` +
            `for a new key, run at the hub: npm run site -- add ${config.site}`,
        );
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Returns whether an edge has the streams that it writes to. */
async function hasStreams(nc: NatsConnection, config: Pick<Config, 'site'>): Promise<boolean> {
  const own = copiedKinds.filter((kind) => kind !== 'CATALOGUE');
  const found = await Promise.all(own.map((kind) => streamAt(nc, config, config.site, kind)));
  return found.every((info) => info !== undefined && !info.config.mirror);
}

const checkEveryMs = 3000;

/** Keeps replacing copies of streams that their home had to recover, and reports when the hub announces other sites. */
export function followSites(
  nc: NatsConnection,
  config: Pick<Config, 'site' | 'sites' | 'streamReplicas'>,
  say: (line: string) => void,
): Disposable {
  let reported = config.sites.join();
  const check = async (): Promise<void> => {
    await refreshCopies(nc, config, say);
    const announced = config.site === hub ? undefined : (await announcedSites(nc, config.site))?.join();
    if (announced === undefined || announced === reported) return;
    reported = announced;
    say(`The sites are now ${announced}: restart ${config.site} to copy all of them.`);
  };
  // A check fails while a link is down; the next one repeats it.
  const schedule = (): NodeJS.Timeout =>
    setTimeout(async () => {
      await check().catch(() => {});
      if (!ended) timer = schedule();
    }, checkEveryMs);
  let ended = false;
  let timer = schedule();
  return {
    [Symbol.dispose]() {
      ended = true;
      clearTimeout(timer);
    },
  };
}
