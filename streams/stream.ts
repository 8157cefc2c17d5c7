/** The configuration that all streams share. */
import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig } from '@nats-io/jetstream';
import { consumerLimits } from '../shared/broker/consumers.ts';

/** The configuration of a stream: with subjects of its own, or a copy of another stream. */
export type StreamDefinition = Partial<StreamConfig> & Pick<StreamConfig, 'name' | 'description'>;

/** The configuration of a stream in a system with a single site, whose subjects include those of all sites. */
export type StreamKind = StreamDefinition & Pick<StreamConfig, 'subjects'>;

/** Completes a stream's configuration with the settings that all share: file storage, no expiry, atomic batches. */
export function stream(definition: StreamKind): StreamKind {
  return {
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    allow_direct: true,
    allow_atomic: true,
    // 2 minutes: longer than any producer retries.
    duplicate_window: 120_000_000_000,
    // So that abandoned consumers, including those of users who may only read, do not stay.
    consumer_limits: consumerLimits,
    deny_delete: false,
    deny_purge: false,
    ...definition,
  };
}
