/** Three brokers: each of them is killed under load, one after the other. */
import assert from 'node:assert/strict';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { streams } from '../../streams/index.ts';
import { until } from '../harness.ts';
import { underLoad } from './load.ts';
import type { Round, Step } from './round.ts';
import { use } from './trial.ts';

const brokers = ['broker', 'broker-2', 'broker-3'];
/** An election takes up to nine seconds in this version's defaults; requests wait for it or are refused. */
const gaps = { reads: 2_000, likes: 12_000 };

/** Waits until every stream has all three of its copies, up to date. */
async function copied(round: Round): Promise<undefined> {
  const nc = await connect({ servers: `nats://127.0.0.1:${round.brokerPort}` });
  try {
    const jsm = await jetstreamManager(nc);
    for (const { name } of streams) {
      await until(async () => {
        const { config, cluster } = await jsm.streams.info(name);
        return (
          config.num_replicas === 3 &&
          cluster?.leader &&
          cluster.replicas?.filter(({ current }) => current).length === 2
        );
      }, `three copies of ${name}`);
    }
  } finally {
    await nc.close();
  }
}

/** Which broker leads VOTES now: killing that one is the hardest. */
async function votesLeader(round: Round): Promise<string> {
  const nc = await connect({ servers: `nats://127.0.0.1:${round.brokerPort}` });
  try {
    const { cluster } = await (await jetstreamManager(nc)).streams.info('VOTES');
    return cluster?.leader === 'broker-1' ? 'broker' : (cluster?.leader ?? 'broker');
  } finally {
    await nc.close();
  }
}

async function killAndWait(round: Round, broker: string): Promise<void> {
  await round.project.kill(broker);
  await until(async () => {
    const [container] = await round.project.containers(broker);
    return container?.State.Health?.Status === 'healthy';
  }, `${broker} to be back`);
}

export const clusterSteps: Step[] = [
  {
    title: 'three brokers and the system come up',
    async run({ project }) {
      await project.compose('--profile', 'ports', 'up', '--detach', '--build', '--wait');
      return undefined;
    },
  },
  { title: 'every stream has three copies', run: copied },
  { title: 'it can be used', run: use },
  {
    title: 'the broker that leads VOTES is killed under load',
    async run(round) {
      const leader = await votesLeader(round);
      const said = await underLoad(round, () => killAndWait(round, leader), gaps);
      await copied(round);
      return `${leader}: ${said}`;
    },
  },
  ...brokers.map(
    (broker): Step => ({
      title: `${broker} is killed under load`,
      async run(round) {
        const said = await underLoad(round, () => killAndWait(round, broker), gaps);
        await copied(round);
        return said;
      },
    }),
  ),
  {
    title: 'down and up keep all state',
    async run(round) {
      await round.project.compose('down');
      await round.project.compose('--profile', 'ports', 'up', '--detach', '--wait');
      await round.assertState();
      assert.equal(await copied(round), undefined);
      return undefined;
    },
  },
];
