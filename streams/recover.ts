/**
 * Recovers a site's own streams from their copies at other sites, with the same sequences and times, after its disk was
 * lost or returned to an older state. Messages that the site has stored since then are stored again after the recovered
 * ones.
 */
import { jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { archiveKind, isCutOff } from '../shared/broker/archive.ts';
import { restoredKey } from '../shared/broker/stream-identity.ts';
import { hub, streamFrom } from '../shared/process/sites.ts';
import { type Copy, type Recovered, Recovery, type SiteConfig } from './recovery.ts';
import { SiteAway, streamAt } from './site-api.ts';
import { announceSites, linkedSites, recopiedSince, recopyKey } from './site-links.ts';
import { completeConfig, streamsAt } from './sites.ts';

/**
 * Recovers the messages of this site's streams that other sites have and this one lacks.
 * @returns the recovered streams, and the sites that did not answer
 * @throws SiteAway at an edge whose hub does not answer
 */
export async function recover(
  nc: NatsConnection,
  config: SiteConfig,
  print: (line: string) => void = () => {},
): Promise<{ recovered: Recovered[]; away: string[] }> {
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const own = streamsAt(config).filter(({ name, mirror }) => !mirror && name !== 'DEADLETTERS');
  // The archive first: readers of a recovered stream that starts in the middle must find the earlier messages there.
  own.sort((a, b) => Number(b.name === archiveKind) - Number(a.name === archiveKind));
  const linked = await linkedSites(nc, config);
  const away = new Set<string>();
  const recovered: Recovered[] = [];
  for (const definition of own) {
    const copies = await copiesOf(nc, config, definition.name, linked, away);
    const recoveries = copies.map((copy) => new Recovery({ nc, jsm, config, definition, print }, copy));
    const missing = await Promise.all(recoveries.map((recovery) => recovery.missingUpTo()));
    const most = Math.max(0, ...missing);
    const recovery = recoveries[most > 0 ? missing.indexOf(most) : 0];
    if (recovery && (most > 0 || (await recovery.wasInterrupted()))) recovered.push(await recovery.run());
  }
  // The list of sites is in the catalogue's metadata, which is not recovered.
  if (recovered.some(({ kind }) => kind === 'CATALOGUE')) await announceSites(nc, config);
  return { recovered, away: [...away] };
}

/**
 * Recreates the copies of streams that their homes had to recover, as the earlier copies may differ. Also recreates
 * copies that are empty and receive nothing: the broker takes up to a minute to look again for a stream that did not
 * exist yet.
 * @returns their names
 */
export async function refreshCopies(
  nc: NatsConnection,
  config: SiteConfig,
  print: (line: string) => void = () => {},
): Promise<string[]> {
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const refreshed: string[] = [];
  const away = new Set<string>();
  for (const definition of streamsAt(config)) {
    const { name, mirror } = definition;
    const from = mirror?.external?.api.split('.')[1];
    if (!from || away.has(from)) continue;
    // The copy is read first: otherwise, with messages stored in between, it could seem to have more than its home.
    const copy = await streamAt(nc, config, config.site, name);
    const source = await streamAt(nc, config, from, mirror.name).catch(() => void away.add(from));
    // A copy with more messages than its home is kept until the home has recovered them: no other copy may have them.
    if (!source || (copy && copy.state.last_seq > source.state.last_seq)) continue;
    const since = recopiedSince(source);
    const isOutdated = since !== undefined && copy !== undefined && since !== recopiedSince(copy);
    if (copy && !isOutdated && (copy.state.last_seq > 0 || !isStalled(copy))) continue;
    // The copy may be missing, if the broker ended after it was deleted here.
    if (copy) await jsm.streams.delete(name);
    const metadata = since === undefined ? {} : { metadata: { [recopyKey]: since, [restoredKey]: since } };
    await jsm.streams.add({ ...completeConfig(definition, config), ...metadata });
    refreshed.push(name);
    if (isOutdated) print(`${name} is copied again from the start, because its home had to recover it.`);
  }
  return refreshed;
}

/** Returns whether a copy receives nothing from its source, although it has had 3 seconds to connect to it. */
function isStalled({ mirror, created, ts = created }: StreamInfo): boolean {
  return (!mirror || isCutOff(mirror)) && Date.parse(ts) - Date.parse(created) > 3000;
}

/** Returns the copies of one of this site's streams at all sites that answer. @throws SiteAway as `recover` */
async function copiesOf(
  nc: NatsConnection,
  config: SiteConfig,
  kind: string,
  linked: string[],
  away: Set<string>,
): Promise<Copy[]> {
  const { site } = config;
  const others = linked.filter((name) => !away.has(name));
  const asked = others.map(async (other): Promise<Copy | undefined> => {
    try {
      const info = await streamAt(nc, config, other, streamFrom(kind, site, { site: other }));
      if (info || other !== hub) return info && { site: other, info };
      throw new Error(`${hub} does not know the site ${site}. Run at the hub: npm run site -- add ${site}`);
    } catch (error) {
      if (!(error instanceof SiteAway) || site !== hub) throw error;
      away.add(other);
      return undefined;
    }
  });
  return (await Promise.all(asked)).filter((copy) => copy !== undefined);
}
