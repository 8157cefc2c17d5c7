/** All streams, and how a broker comes to have them. */
import { JetStreamApiError, type JetStreamManager, jetstreamManager, type StreamConfig } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { backingServices } from '../services/index.ts';
import { findStream } from '../shared/broker/lost-stream.ts';
import { acceptedKey, mayReplace } from '../shared/broker/stream-identity.ts';
import type { Config } from '../shared/process/config.ts';
import { hub, type Sites } from '../shared/process/sites.ts';
import { streams } from './index.ts';
import { noteOpening } from './openings.ts';
import { streamsAt, wholeStream } from './sites.ts';
import { claims, snapshotBucket } from './snapshots.ts';
import { updateStream } from './update-stream.ts';

export { streams };

/** What can be made again from the streams, and is in no backup. */
export const derived = [claims, ...backingServices.map(({ name }) => snapshotBucket(name))];

/** What happened to each stream. */
export type Applied = Record<string, 'created' | 'updated' | 'unchanged'>;

interface ApplyOptions {
  /** Whether the streams, empty as they may be, take the place of others of their names that were lost. */
  accept?: boolean;
}

/**
 * Applies all streams of a site. A view that was made of another stream keeps what it has until this one is accepted.
 * @throws JetStreamApiError when the broker refuses, for example because it is older than 2.14.
 */
export async function applyStreams(
  nc: NatsConnection,
  config: Pick<Config, 'streamReplicas'> & Partial<Sites>,
  { accept = false }: ApplyOptions = {},
): Promise<Applied> {
  // An old broker must refuse what it does not know instead of ignoring it.
  const jsm = await jetstreamManager(nc, { sendRequiredApiLevel: true });
  const applied: Applied = {};
  const accepted = { [acceptedKey]: new Date().toISOString() };
  const { site = hub, sites = [site] } = config;
  for (const definition of [...streamsAt({ site, sites }), ...derived]) {
    const wanted = wholeStream(definition, config);
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
    const lifted = present.consumer_limits?.max_ack_pending && !wanted.consumer_limits?.max_ack_pending;
    if (changed) await (lifted ? withoutConsumers(jsm, wanted.name, update) : update());
    applied[wanted.name] = changed ? 'updated' : 'unchanged';
  }
  if (sites.length > 1) await noteOpening(jsm, { site, sites });
  return applied;
}

/**
 * Updates a stream whose consumers were made under a limit that is lifted: the broker refuses that while there are any. Those
 * who use them make them again, at once where they run: then it is tried again.
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
