/** Creating and reading consumers. */
import { AckPolicy, type ConsumerInfo, type ConsumerMessages, DeliverPolicy, ReplayPolicy } from '@nats-io/jetstream';
import { nanos, nuid } from '@nats-io/nats-core';
import type { Link } from './connection.ts';

/** Limits of all consumers. One that is unused for a week is removed, and a worker's next one starts over. */
export const consumerLimits = {
  /** Nanoseconds. */
  inactive_threshold: nanos(7 * 86_400_000),
  // High, because messages that wait for a retry count as pending and must not hold up the others.
  max_ack_pending: 5000,
};

/**
 * Creates an ephemeral consumer for one reader, who replaces it after any trouble. Consumers are not deleted but
 * expire: a permission to delete one's own consumers would also allow deleting those of others.
 * @param name prefix of the consumer's name. Only named ones have their filter in the API subject, for permissions
 */
export function createEphemeralConsumer(
  { jsm }: Link,
  stream: string,
  { from, filter, name }: { from: number; filter?: string; name: string },
): Promise<ConsumerInfo> {
  return jsm.consumers.add(stream, {
    name: `${name}-${nuid.next()}`,
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: from,
    replay_policy: ReplayPolicy.Instant,
    ...(filter === undefined ? {} : { filter_subject: filter }),
    inactive_threshold: nanos(30_000),
    mem_storage: true,
    num_replicas: 1,
  });
}

/** Reads a consumer's messages until it is gone. End the iteration by `stop`: `close` inside of it waits for itself. */
export function consume({ js }: Link, consumer: ConsumerInfo, max_messages: number): Promise<ConsumerMessages> {
  return js.consumers.getConsumerFromInfo(consumer).consume({
    max_messages,
    idle_heartbeat: 2000,
    expires: 10_000,
    abort_on_missing_resource: true,
  });
}
