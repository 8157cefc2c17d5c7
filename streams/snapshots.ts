import { consumerLimits } from '../shared/broker/consumers.ts';
import { bucketOf, bucketStream, claimSubject } from '../shared/broker/snapshot-bucket.ts';
import { type StreamDefinition, stream } from './stream.ts';

/** Who makes a snapshot of a view at the moment. It says so again and again; what is in here is over after seconds. */
export const claims = stream({
  name: 'CLAIMS',
  description: 'What one replica at a time may do',
  subjects: [claimSubject('*')],
  max_msgs_per_subject: 1,
  allow_msg_ttl: true,
});

/**
 * The object store with the snapshots of a service's view: 8 GiB in pieces of 128 KiB. They are counted, since the broker
 * takes a bound in bytes from the disk that it may have, used or not.
 */
export function snapshotBucket(service: string): StreamDefinition {
  return stream({
    name: bucketStream(service),
    description: `Snapshots of the view of ${service}`,
    subjects: [`$O.${bucketOf(service)}.C.>`, `$O.${bucketOf(service)}.M.>`],
    allow_rollup_hdrs: true,
    max_msgs: 65_536,
    // Clients read objects by consumers that acknowledge nothing: a bound of what may wait for that would refuse them.
    consumer_limits: { inactive_threshold: consumerLimits.inactive_threshold },
  });
}
