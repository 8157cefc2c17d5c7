/**
 * Notices a site whose files were put back to an older state, and which then wrote on beyond what other sites had copied: its
 * streams and their copies end alike, and differ in the middle. So a site notes where its streams end, each time that they are
 * applied: what it stores behind that is the same in every copy, unless the copy has it from before.
 */
import type { JetStreamManager, StreamConfig, StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { type Sites, streamFrom } from '../shared/process/sites.ts';
import { messageAt, SiteAway } from './site-api.ts';
import { copiedKinds, streamsAt } from './sites.ts';
import { updateStream } from './update-stream.ts';

/** Metadata of a site's own stream: `SEQUENCE@TIME` of each opening, separated by blanks. */
const openedKey = 'marquee-opened';
const mostOpenings = 20;

const openingsOf = ({ metadata }: Pick<StreamConfig, 'metadata'>): string[] => metadata?.[openedKey]?.split(' ') ?? [];

/** Notes where a site's own streams end. */
export async function noteOpening(jsm: JetStreamManager, at: Sites): Promise<void> {
  const now = new Date().toISOString();
  for (const { name } of streamsAt(at).filter((stream) => !stream.mirror && copiedKinds.includes(stream.name))) {
    const info = await jsm.streams.info(name);
    const { config, state } = info;
    const others = openingsOf(config).filter((opening) => !opening.startsWith(`${state.last_seq}@`));
    const opened = [...others, `${state.last_seq}@${now}`].slice(-mostOpenings).join(' ');
    await updateStream(jsm, info, { metadata: { [openedKey]: opened } });
  }
}

/** A stream at its home, and its copy at another site. */
export interface HomeAndCopy {
  home: string;
  own: StreamInfo | undefined;
  at: string;
  copy: StreamInfo | undefined;
}

/** Openings behind which copies were found to be as their home: that stays so. */
const verified = new Set<string>();

/** The first sequence that the home has used twice, of which the copy has what was there before; undefined where there is none. */
export async function firstDifference(
  nc: NatsConnection,
  sites: Pick<Sites, 'site'>,
  { home, own, at, copy }: HomeAndCopy,
): Promise<number | undefined> {
  if (!own || !copy) return undefined;
  const kind = own.config.name;
  for (const opening of openingsOf(own.config)) {
    const key = [kind, home, at, opening].join(' ');
    const end = Number.parseInt(opening, 10);
    if (verified.has(key) || end >= Math.min(own.state.last_seq, copy.state.last_seq)) continue;
    try {
      const first = await messageAt(nc, sites, home, kind, end + 1);
      if (!first || first.seq > copy.state.last_seq) continue;
      const copied = await messageAt(nc, sites, at, streamFrom(kind, home, { site: at }), first.seq);
      // It may have been replaced by a later one of its subject.
      if (copied?.seq !== first.seq) continue;
      if (copied.time !== first.time) return first.seq;
      verified.add(key);
    } catch (error) {
      // A broker that does not let this site ask yet, or went away.
      if (error instanceof SiteAway) return undefined;
      throw error;
    }
  }
  return undefined;
}
