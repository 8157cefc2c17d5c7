/**
 * The streams of one of several sites. What a site makes is in its own streams, and nothing else is. Every other site has a
 * copy of them, the mirror of a stream in the hub's domain of JetStream or, at the hub, in the edge's. A copy keeps sequences
 * and times, and can be deleted and made again.
 */
import { DiscardPolicy, PersistMode, type StreamConfig } from '@nats-io/jetstream';
import { consumerLimits } from '../shared/broker/consumers.ts';
import { hub, type Sites, streamFrom, streamsOfKind } from '../shared/process/sites.ts';
import { deadletters } from './deadletters.ts';
import { streams } from './index.ts';
import type { StreamDefinition, StreamKind } from './stream.ts';

/** The subjects of a site's own streams. */
const ownSubjects: Record<string, (site: string) => string[]> = {
  CATALOGUE: (site) => [`catalogue.${site}.>`],
  VOTES: (site) => [`votes.${site}.>`],
  LIBRARY: (site) => [`library.${site}.>`, `reminders.*.${site}.>`],
  SUPPORT: (site) => [`support.${site}.*.*`],
  ARCHIVE: (site) => [`archive.${site}.>`],
};

/** Streams that other sites copy. */
export const copiedKinds: readonly string[] = streams
  .map(({ name }) => name)
  .filter((name) => name !== deadletters.name);

/** All streams of a site: its own, and the copies of the others'. A system of one site has those of `streams`. */
export function streamsAt(at: Sites): StreamDefinition[] {
  if (at.sites.length === 1) return streams;
  return streams.flatMap((kind) => {
    // Letters of a site are for its own operators.
    if (kind.name === deadletters.name) return [kind];
    return streamsOfKind(kind.name, at).map(({ home }) => (home === at.site ? own(kind, home) : copy(kind, home, at)));
  });
}

/** The consumer of a mirror acknowledges nothing: where a stream limits what waits for that, the broker refuses it. */
const { max_ack_pending: _, ...copiedLimits } = consumerLimits;

function own(kind: StreamKind, site: string): StreamDefinition {
  return { ...kind, subjects: ownSubjects[kind.name]?.(site) ?? kind.subjects, consumer_limits: copiedLimits };
}

/** A copy of what `home` makes: at the hub from there, at an edge by way of the hub. */
function copy(definition: StreamKind, home: string, at: Sites): StreamDefinition {
  // Mirrors have no subjects, and take neither batches nor schedules.
  const { subjects: _, allow_atomic: __, allow_msg_schedules: ___, ...kind } = definition;
  const from = at.site === hub ? home : hub;
  return {
    ...kind,
    name: streamFrom(kind.name, home, at),
    description: `${kind.description}, of the site ${home}`,
    discard: DiscardPolicy.New,
    consumer_limits: copiedLimits,
    mirror: {
      name: streamFrom(kind.name, home, { site: from }),
      external: { api: `$JS.${from}.API`, deliver: deliveryTo(at.site, from) },
    },
  };
}

/** A stream as the broker is to have it. */
export function wholeStream(definition: StreamDefinition, { streamReplicas }: { streamReplicas: number }) {
  // A copy can be fetched again: the broker need not wait for its disk.
  const copied = definition.mirror && streamReplicas === 1 ? { persist_mode: PersistMode.Async } : {};
  return { ...definition, num_replicas: streamReplicas, ...copied } as StreamConfig & { name: string };
}

/** Where one site sends what another copies: the only subjects that may cross their link with events. */
export function deliveryTo(site: string, from: string): string {
  return site === hub ? `to.${hub}.${from}` : `to.${site}`;
}
