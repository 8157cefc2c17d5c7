/** How consumers of our streams are made and read. */
import { AckPolicy, type ConsumerInfo, type ConsumerMessages, DeliverPolicy, ReplayPolicy } from '@nats-io/jetstream';
import { nanos, nuid } from '@nats-io/nats-core';
import type { Link } from './connection.ts';

/** Of every consumer on our streams: one that nobody has used for a week ends, and the worker's next one begins anew. */
export const consumerLimits = {
  /** Nanoseconds. */
  inactive_threshold: nanos(7 * 86_400_000),
  // Messages that wait for another try count too, and must not hold up the others.
  max_ack_pending: 5000,
};

/**
 * A consumer for one reader, who makes another behind what it has read when anything is wrong. It is left to end by itself: the
 * right to delete one would be a right to delete those of others.
 * @param name what its name begins with: with one the filter is part of the request, where the broker's permissions can see it
 */
export function consumerFrom(
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

/** The messages of a consumer, until it is gone. End them by `stop`: `close` inside the iterator waits for itself. */
export function consume({ js }: Link, consumer: ConsumerInfo, max_messages: number): Promise<ConsumerMessages> {
  return js.consumers.getConsumerFromInfo(consumer).consume({
    max_messages,
    idle_heartbeat: 2000,
    expires: 10_000,
    abort_on_missing_resource: true,
  });
}
