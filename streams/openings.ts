/**
 * Detects a site whose files were returned to an older state, and which has since stored more than other sites had
 * copied. Its streams and their copies then end alike, but differ in the middle. To find the difference, a site records
 * the last sequences of its streams whenever they are applied. The first message after such an opening is the same in
 * every copy, unless the copy still has an earlier message under that sequence.
 */
import type { JetStreamManager, StreamConfig, StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { type Sites, streamFrom } from '../shared/process/sites.ts';
import { messageAt, SiteAway } from './site-api.ts';
import { copiedKinds, streamsAt } from './sites.ts';
import { updateStream } from './update-stream.ts';

/** Metadata key of a site's own stream: `SEQUENCE@TIME` of each opening, separated by spaces. */
const openedKey = 'marquee-opened';
const maxOpenings = 20;

const openingsOf = ({ metadata }: Pick<StreamConfig, 'metadata'>): string[] => metadata?.[openedKey]?.split(' ') ?? [];

/** Records the last sequences of a site's own streams. */
export async function recordOpening(jsm: JetStreamManager, at: Sites): Promise<void> {
  const now = new Date().toISOString();
  for (const { name } of streamsAt(at).filter((stream) => !stream.mirror && copiedKinds.includes(stream.name))) {
    const info = await jsm.streams.info(name);
    const { config, state } = info;
    const others = openingsOf(config).filter((opening) => !opening.startsWith(`${state.last_seq}@`));
    const opened = [...others, `${state.last_seq}@${now}`].slice(-maxOpenings).join(' ');
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

/** Openings after which a copy was found to be the same as its home, which is permanent. */
const verified = new Set<string>();

/** Returns the first sequence that has another message in the copy, because the home used it twice; else undefined. */
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
      // The copy may have replaced the message by a later one of the same subject.
      if (copied?.seq !== first.seq) continue;
      if (copied.time !== first.time) return first.seq;
      verified.add(key);
    } catch (error) {
      // The broker does not allow the request yet, or is away.
      if (error instanceof SiteAway) return undefined;
      throw error;
    }
  }
  return undefined;
}
