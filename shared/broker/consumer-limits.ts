import { nanos } from '@nats-io/nats-core';

/** Of every consumer on our streams: one that nobody has used for a week ends, and the worker's next one begins anew. */
export const consumerLimits = {
  /** Nanoseconds. */
  inactive_threshold: nanos(7 * 86_400_000),
  // Messages that wait for another try count too, and must not hold up the others.
  max_ack_pending: 5000,
};
