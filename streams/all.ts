/** All streams, and how a broker comes to have them. */
import { JetStreamApiError, jetstreamManager, type StreamConfig } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { acceptedKey, mayReplace } from '../shared/broker/stream-identity.ts';
import type { Config } from '../shared/process/config.ts';
import { streams } from './index.ts';

export { streams };

/** What happened to each stream. */
export type Applied = Record<string, 'created' | 'updated' | 'unchanged'>;

interface ApplyOptions {
  /** Whether the streams, empty as they may be, take the place of others of their names that were lost. */
  accept?: boolean;
}

/**
 * Applies all streams. A view that was made of another stream keeps what it has until this one is accepted.
 * @throws JetStreamApiError when the broker refuses, for example because it is older than 2.14.
 */
export async function applyStreams(
  nc: NatsConnection,
  config: Pick<Config, 'streamReplicas'>,
  { accept = false }: ApplyOptions = {},
): Promise<Applied> {
  // An old broker must refuse what it does not know instead of ignoring it.
  const jsm = await jetstreamManager(nc, { sendRequiredApiLevel: true });
  const applied: Applied = {};
  const accepted = { [acceptedKey]: new Date().toISOString() };
  for (const definition of streams) {
    const wanted = { ...definition, num_replicas: config.streamReplicas } as StreamConfig & { name: string };
    try {
      const info = await jsm.streams.info(wanted.name);
      const { config: present } = info;
      if (accept && !mayReplace(info)) wanted.metadata = { ...present.metadata, ...accepted };
      const changed = Object.entries(wanted).some(
        ([key, value]) => JSON.stringify(present[key as keyof StreamConfig]) !== JSON.stringify(value),
      );
      if (changed) await jsm.streams.update(wanted.name, { ...present, ...wanted });
      applied[wanted.name] = changed ? 'updated' : 'unchanged';
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== 10059) throw error;
      await jsm.streams.add(accept ? { ...wanted, metadata: accepted } : wanted);
      applied[wanted.name] = 'created';
    }
  }
  return applied;
}
