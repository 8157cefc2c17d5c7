/** Creates and updates all streams of a site. */
import { JetStreamApiError, type JetStreamManager, jetstreamManager, type StreamConfig } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { backingServices } from '../services/index.ts';
import { findStream } from '../shared/broker/lost-stream.ts';
import { acceptedKey, mayReplace } from '../shared/broker/stream-identity.ts';
import type { Config } from '../shared/process/config.ts';
import { hub, type Sites } from '../shared/process/sites.ts';
import { streams } from './index.ts';
import { recordOpening } from './openings.ts';
import { completeConfig, streamsAt } from './sites.ts';
import { claims, snapshotBucket } from './snapshots.ts';
import { updateStream } from './update-stream.ts';

export { streams };

/** Streams that are not in backups, because their content can be derived from the other streams. */
export const derived = [claims, ...backingServices.map(({ name }) => snapshotBucket(name))];

/** What `applyStreams` did with each stream. */
export type Applied = Record<string, 'created' | 'updated' | 'unchanged'>;

interface ApplyOptions {
  /** Accepts the streams, even empty ones, in place of lost streams of the same names. */
  accept?: boolean;
}

/**
 * Creates or updates all streams of a site. A view of a lost stream keeps its rows until the new stream is accepted.
 * @throws Error when the replicas need a cluster; JetStreamApiError when the broker refuses, for example because it is
 *   older than 2.14
 */
export async function applyStreams(
  nc: NatsConnection,
  config: Pick<Config, 'streamReplicas'> & Partial<Sites>,
  { accept = false }: ApplyOptions = {},
): Promise<Applied> {
  // A single broker would accept it for streams that exist, and still keep one copy.
  if (config.streamReplicas > 1 && nc.info?.cluster === undefined)
    throw new Error(`STREAM_REPLICAS=${config.streamReplicas} needs a cluster of brokers: this one is in none`);
  // Makes an old broker refuse settings that it does not know, instead of ignoring them.
  const jsm = await jetstreamManager(nc, { sendRequiredApiLevel: true });
  const applied: Applied = {};
  const accepted = { [acceptedKey]: new Date().toISOString() };
  const { site = hub, sites = [site] } = config;
  for (const definition of [...streamsAt({ site, sites }), ...derived]) {
    const wanted = completeConfig(definition, config);
    const info = await findStream(jsm, wanted.name);
    if (!info) {
      await jsm.streams.add(accept ? { ...wanted, metadata: accepted } : wanted);
      applied[wanted.name] = 'created';
      continue;
    }
    const { config: present } = info;
    if (accept && !mayReplace(info)) wanted.metadata = { ...present.metadata, ...accepted };
    const changed = Object.entries(wanted).some(
      ([key, value]) => JSON.stringify(present[key as keyof StreamConfig]) !== JSON.stringify(value),
    );
    const update = () => updateStream(jsm, info, wanted);
    const liftsLimit = present.consumer_limits?.max_ack_pending && !wanted.consumer_limits?.max_ack_pending;
    if (changed) await (liftsLimit ? withoutConsumers(jsm, wanted.name, update) : update());
    applied[wanted.name] = changed ? 'updated' : 'unchanged';
  }
  if (sites.length > 1) await recordOpening(jsm, { site, sites });
  return applied;
}

/**
 * Updates a stream after deleting its consumers: the broker refuses to lift a limit of consumers while there are any.
 * Running readers and workers create theirs again at once, which is why the update may need several attempts.
 */
async function withoutConsumers(jsm: JetStreamManager, stream: string, update: () => Promise<unknown>): Promise<void> {
  for (let attempts = 10; ; attempts--) {
    for await (const { name } of jsm.consumers.list(stream)) await jsm.consumers.delete(stream, name);
    try {
      await update();
      return;
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || attempts === 1) throw error;
    }
  }
}
