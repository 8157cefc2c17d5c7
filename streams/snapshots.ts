import { consumerLimits } from '../shared/broker/consumers.ts';
import { bucketOf, bucketStream, claimSubject } from '../shared/broker/snapshot-bucket.ts';
import { type StreamDefinition, stream } from './stream.ts';

/** Claims of the replicas that are making snapshots. They are renewed, and expire within seconds. */
export const claims = stream({
  name: 'CLAIMS',
  description: 'What one replica at a time may do',
  subjects: [claimSubject('*')],
  max_msgs_per_subject: 1,
  allow_msg_ttl: true,
});

/**
 * Returns the stream of the object store for a service's snapshots: 8 GiB in chunks of 128 KiB. The limit is a number
 * of messages, because the broker would reserve a limit in bytes from its disk space, used or not.
 */
export function snapshotBucket(service: string): StreamDefinition {
  return stream({
    name: bucketStream(service),
    description: `Snapshots of the view of ${service}`,
    subjects: [`$O.${bucketOf(service)}.C.>`, `$O.${bucketOf(service)}.M.>`],
    allow_rollup_hdrs: true,
    max_msgs: 65_536,
    // Without max_ack_pending: clients read objects by consumers without acks, which that limit would refuse.
    consumer_limits: { inactive_threshold: consumerLimits.inactive_threshold },
  });
}
