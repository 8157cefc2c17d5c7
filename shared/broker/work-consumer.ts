/** The durable pull consumer that the replicas of a worker share. */
import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  type ConsumerMessages,
  DeliverPolicy,
  JetStreamApiError,
  type JetStreamManager,
  ReplayPolicy,
} from '@nats-io/jetstream';
import { nanos, type Subscription } from '@nats-io/nats-core';
import { type EventType, filterOf } from '../operations/event.ts';

/** Of every consumer on our streams: one that nobody has used for a week ends, and the worker's next one begins anew. */
export const consumerLimits = {
  /** Nanoseconds. */
  inactive_threshold: nanos(7 * 86_400_000),
  // Messages that wait for another try count too, and must not hold up the others.
  max_ack_pending: 5000,
};

const consumerExists = 10148;
/** Nothing comes any more from a broker that does not answer. */
const drainWithinMs = 1000;

/** The shared consumer: made where it is missing, changed where its configuration is another. */
export async function ensureConsumer(
  jsm: JetStreamManager,
  { durable, event }: { durable: string; event: EventType },
  ackWaitMs: number,
): Promise<ConsumerInfo> {
  const config: Partial<ConsumerConfig> & { durable_name: string } = {
    durable_name: durable,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(ackWaitMs),
    ...consumerLimits,
    max_deliver: -1,
    deliver_policy: DeliverPolicy.All,
    replay_policy: ReplayPolicy.Instant,
    filter_subject: filterOf(event),
  };
  const { stream } = event;
  try {
    return await jsm.consumers.add(stream, config);
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== consumerExists) throw error;
    return jsm.consumers.update(stream, durable, config);
  }
}

/**
 * Ends the messages behind the last one that the broker has sent. `stop` alone would lose what is on its way, and
 * nobody would get that before the broker takes it for lost. `stop`, not `close`: closing inside the iterator waits
 * for itself.
 */
export function endAfterLast(messages: ConsumerMessages): void {
  // Their type does not show the subscription; they end by themselves when it has drained (lib/consumer.js, `start`).
  const { sub } = messages as ConsumerMessages & { sub: Subscription };
  const stop = (): void => messages.stop();
  const timer = setTimeout(stop, drainWithinMs);
  sub
    .drain()
    .catch(stop)
    .finally(() => clearTimeout(timer));
}
