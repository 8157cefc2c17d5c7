/**
 * Brings a site's own streams back from their copies at other sites, with the same sequences and times: after its disk was
 * lost, or was put back to an older state. What the site has made since then is stored once more behind them.
 */
import { jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import { type NatsConnection, nanos } from '@nats-io/nats-core';
import { archiveKind } from '../shared/broker/archive.ts';
import { restoredKey } from '../shared/broker/stream-identity.ts';
import { hub, streamFrom } from '../shared/process/sites.ts';
import { type Copy, type Recovered, Recovery, type SiteConfig } from './recovery.ts';
import { SiteAway, streamAt } from './site-api.ts';
import { announceSites, copyAnew, copyAnewKey, linkedSites } from './site-links.ts';
import { streamsAt, wholeStream } from './sites.ts';

/**
 * Brings back what other sites have of this site's streams beyond what it has itself.
 * @returns what was brought back, and the sites that did not answer
 * @throws SiteAway at an edge whose hub does not answer
 */
export async function recover(
  nc: NatsConnection,
  config: SiteConfig,
  say: (line: string) => void = () => {},
): Promise<{ recovered: Recovered[]; away: string[] }> {
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const own = streamsAt(config).filter(({ name, mirror }) => !mirror && name !== 'DEADLETTERS');
  // The archive first: whoever reads a stream that is back, and begins in the middle, must find there what was before.
  own.sort((a, b) => Number(b.name === archiveKind) - Number(a.name === archiveKind));
  const linked = await linkedSites(nc, config);
  const away = new Set<string>();
  const recovered: Recovered[] = [];
  for (const definition of own) {
    const copies = await copiesOf(nc, config, definition.name, linked, away);
    const ways = copies.map((copy) => new Recovery(nc, jsm, config, definition, copy, say));
    const missing = await Promise.all(ways.map((way) => way.missingUpTo()));
    const most = Math.max(0, ...missing);
    const way = ways[most > 0 ? missing.indexOf(most) : 0];
    if (way && (most > 0 || (await way.begun()))) recovered.push(await way.run());
  }
  // A catalogue that comes back does not say which sites there are.
  if (recovered.some(({ kind }) => kind === 'CATALOGUE')) await announceSites(nc, config);
  return { recovered, away: [...away] };
}

/**
 * Copies those streams of other sites anew that their homes had to bring back: what was copied before may be something else.
 * Also those that are empty and stand still: the broker takes up to a minute to look again for a stream that was not there yet.
 * @returns their names
 */
export async function refreshCopies(
  nc: NatsConnection,
  config: SiteConfig,
  say: (line: string) => void = () => {},
): Promise<string[]> {
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const refreshed: string[] = [];
  const away = new Set<string>();
  for (const definition of streamsAt(config)) {
    const { name, mirror } = definition;
    const from = mirror?.external?.api.split('.')[1];
    if (!from || away.has(from)) continue;
    // The copy first: what is stored meanwhile must not make it look as if it had more than its home.
    const copy = await streamAt(nc, config, config.site, name);
    const source = await streamAt(nc, config, from, mirror.name).catch(() => void away.add(from));
    // Nobody else may have what it has more: it stays until its home has brought that back.
    if (!source || (copy && copy.state.last_seq > source.state.last_seq)) continue;
    const since = copyAnew(source);
    const isOther = since !== undefined && copy !== undefined && since !== copyAnew(copy);
    if (copy && !isOther && (copy.state.last_seq > 0 || !standsStill(copy))) continue;
    // One that is not there was deleted here, and then the broker ended.
    if (copy) await jsm.streams.delete(name);
    const metadata = since === undefined ? {} : { metadata: { [copyAnewKey]: since, [restoredKey]: since } };
    await jsm.streams.add({ ...wholeStream(definition, config), ...metadata });
    refreshed.push(name);
    if (isOther) say(`${name} is copied anew: its home had to bring it back.`);
  }
  return refreshed;
}

/** Whether a copy hears nothing from where it comes from, and has had the time to. */
function standsStill({ mirror, created, ts = created }: StreamInfo): boolean {
  const silent = mirror === undefined || mirror.active < 0 || mirror.active > nanos(silentMs);
  return silent && Date.parse(ts) - Date.parse(created) > silentMs;
}

/** A mirror hears something each second. */
const silentMs = 3000;

/** The copies of an own stream at those sites that can be asked. @throws SiteAway as `recover` */
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
      throw new Error(`${hub} knows no site ${site}: there, npm run site -- add ${site}`);
    } catch (error) {
      if (!(error instanceof SiteAway) || site !== hub) throw error;
      away.add(other);
      return undefined;
    }
  });
  return (await Promise.all(asked)).filter((copy) => copy !== undefined);
}
