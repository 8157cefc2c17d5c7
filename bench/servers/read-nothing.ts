/** Upper bound for reading in a rebuild: reads all messages of a stream and only counts them. */
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

const nc = await connect({ servers: process.env.NATS_URL as string });
const jsm = await jetstreamManager(nc, { checkAPI: false });
const startedAt = performance.now();
const info = await jsm.consumers.add('VOTES', {
  ack_policy: AckPolicy.None,
  deliver_policy: DeliverPolicy.All,
  filter_subject: 'votes.>',
  mem_storage: true,
  num_replicas: 1,
});
const messages = await jetstream(nc).consumers.getConsumerFromInfo(info).consume({ max_messages: 4000 });
let read = 0;
for await (const message of messages) {
  read++;
  if (message.info.pending === 0) break;
}
console.log(JSON.stringify({ read, seconds: (performance.now() - startedAt) / 1000 }));
await nc.close();
