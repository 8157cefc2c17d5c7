/** What a stream's file declares. */

import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig } from '@nats-io/jetstream';
import { consumerLimits } from '../shared/broker/consumers.ts';

/** A stream that is made: with its own subjects, or as a copy of another. */
export type StreamDefinition = Partial<StreamConfig> & Pick<StreamConfig, 'name' | 'description'>;

/** A stream as it is in a system of one site, which takes the subjects of all. */
export type StreamKind = StreamDefinition & Pick<StreamConfig, 'subjects'>;

/** Completes a stream's configuration with what all of ours share: files, for ever, batches. */
export function stream(definition: StreamKind): StreamKind {
  return {
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    allow_direct: true,
    allow_atomic: true,
    // Longer than any retry of a producer; projections are idempotent beyond it.
    duplicate_window: 120_000_000_000,
    // A consumer that is forgotten, or made by somebody who may only read, does not stay.
    consumer_limits: consumerLimits,
    deny_delete: false,
    deny_purge: false,
    ...definition,
  };
}
