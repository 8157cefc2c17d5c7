/**
 * The streams of a site in a system of several. A site's own streams hold the events of that site only. All other sites
 * have copies of them: mirrors of the streams in the hub's JetStream domain or, at the hub, in the edge's domain. A
 * copy has the same sequences and times, and can be deleted and created again.
 */
import { DiscardPolicy, PersistMode, type StreamConfig } from '@nats-io/jetstream';
import { consumerLimits } from '../shared/broker/consumers.ts';
import { probeSubject } from '../shared/broker/write-health.ts';
import { hub, type Sites, streamFrom, streamsOfKind } from '../shared/process/sites.ts';
import { catalogue } from './catalogue.ts';
import { deadletters } from './deadletters.ts';
import { streams } from './index.ts';
import type { StreamDefinition, StreamKind } from './stream.ts';

/** Subjects of a site's own streams. */
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

/** Returns all streams of a site: its own, and the copies of other sites'. In a system of one site, these are `streams`. */
export function streamsAt(at: Sites): StreamDefinition[] {
  if (at.sites.length === 1) return streams.map((kind) => (kind.name === catalogue.name ? loneCatalogue(at) : kind));
  return streams.flatMap((kind) => {
    // Dead letters are handled by the operators of their own site.
    if (kind.name === deadletters.name) return [kind];
    return streamsOfKind(kind.name, at).map(({ home }) => {
      return home === at.site ? ownStream(kind, home) : copyStream(kind, home, at);
    });
  });
}

/**
 * Returns the CATALOGUE of a system of one site. It refuses subjects of other sites, because the expectation of a change
 * is about the movie's own subject: under another SITE, a second writer would not notice the first.
 */
function loneCatalogue({ site }: Sites): StreamDefinition {
  return { ...catalogue, subjects: [`catalogue.${site}.>`, probeSubject(catalogue.name)] };
}

/** Without max_ack_pending: mirrors read by consumers without acks, which a stream with that limit refuses. */
const { max_ack_pending: _, ...copiedLimits } = consumerLimits;

function ownStream(kind: StreamKind, site: string): StreamDefinition {
  const subjectsAt = ownSubjects[kind.name];
  if (!subjectsAt) throw new Error(`ownSubjects in streams/sites.ts lacks the subjects of ${kind.name}`);
  return { ...kind, subjects: subjectsAt(site), consumer_limits: copiedLimits };
}

/** Returns the copy of `home`'s stream: at the hub copied from there, at an edge from the hub. */
function copyStream(definition: StreamKind, home: string, at: Sites): StreamDefinition {
  // Mirrors allow neither subjects, nor atomic batches, nor schedules.
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

/** Completes the configuration of a stream with what depends on the broker. */
export function completeConfig(definition: StreamDefinition, { streamReplicas }: { streamReplicas: number }) {
  // A copy can be fetched again, so the broker need not sync it to disk.
  const copied = definition.mirror && streamReplicas === 1 ? { persist_mode: PersistMode.Async } : {};
  return { ...definition, num_replicas: streamReplicas, ...copied } as StreamConfig & { name: string };
}

/** Returns the subject to which `from` delivers what `site` copies. No other subject may carry events over the link. */
export function deliveryTo(site: string, from: string): string {
  return site === hub ? `to.${hub}.${from}` : `to.${site}`;
}
