/** Publishes single messages one after another with the NATS client, for comparison with single likes. */
import { createInterface } from 'node:readline';
import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { quantile } from '../lib/stats.ts';

const nc = await connect({ servers: process.env.NATS_URL as string });
const js = jetstream(nc);
const body = JSON.stringify({ voterId: 'viewer-1', liked: true });
console.log('listening');
for await (const line of createInterface({ input: process.stdin })) {
  const until = performance.now() + Number(line) * 1000;
  const times: number[] = [];
  while (performance.now() < until) {
    const before = performance.now();
    await js.publish('votes.bench.1', body);
    times.push(performance.now() - before);
  }
  console.log(JSON.stringify({ p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) }));
}
