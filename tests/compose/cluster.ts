/** Moves a deployment from one broker to three, kills each of them under load, then turns on TLS. */
import assert from 'node:assert/strict';
import { jetstreamManager } from '@nats-io/jetstream';
import { streams } from '../../streams/index.ts';
import { until } from '../harness.ts';
import { underLoad } from './load.ts';
import { backing, type Round, type Step } from './round.ts';
import { backUp, connectAs, encrypted, introduce, securedFile, tokens } from './secured.ts';
import { use } from './trial.ts';

const brokers = ['broker', 'broker-2', 'broker-3'];
/** A leader election takes up to nine seconds by default; likes wait for it or are refused. */
const gaps = { reads: 3_000, likes: 15_000 };

/** Waits until every stream has three current replicas. */
async function copied(round: Round, ca?: string): Promise<undefined> {
  const nc = await until(() => connectAs(round, 'operator', ca), 'a connection to the broker');
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

/** Returns the broker that leads VOTES, whose loss is the hardest. */
async function votesLeader(round: Round): Promise<string> {
  const nc = await connectAs(round, 'operator');
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

const asked = [
  '/movies?limit=500',
  '/movies/1',
  '/movies/900001',
  '/genres',
  '/votes?limit=500',
  '/ranking?limit=500',
  '/reminder/alice',
  '/support/alice',
  '/orders',
];

async function answers(round: Round): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = {};
  for (const path of asked) {
    const { status, body } = await round.get(path);
    assert.equal(status, 200, path);
    all[path] = body;
  }
  return all;
}

/** The steps of docs/scaling.md, "Three brokers". */
async function move(round: Round): Promise<undefined> {
  // The load comes from one caller, and would exceed the rate limit.
  round.variables.WRITES_PER_MINUTE = '0';
  const before = await answers(round);
  await backUp(round, 'before-cluster');
  await round.project.compose('--profile', 'ports', 'down');
  round.files.push('deploy/cluster/compose.yml');
  round.variables.NATS_URL = brokers.map((broker) => `nats://${broker}:4222`).join(',');
  round.project = round.projectWith(securedFile);
  await round.project.compose('up', '--detach', '--wait', ...brokers);
  await round.project.compose('run', '--rm', '-T', 'restore', '/backups/before-cluster');
  await round.project.compose('--profile', 'ports', 'up', '--detach', '--wait');
  assert.deepEqual(await answers(round), before, 'every answer is the same');
}

/** Checks that views were rebuilt once, after the restore, and not because of a lost broker. */
async function keptViews({ project }: Round): Promise<undefined> {
  for (const service of backing) {
    const lines = (await project.compose('logs', '--no-log-prefix', '--no-color', service)).split('\n');
    const rebuilt = lines.filter((line) => line.includes('rebuilding the view'));
    assert.ok(rebuilt.length <= 1, rebuilt.join('\n'));
  }
}

export const clusterSteps: Step[] = [
  {
    title: 'the system starts with one broker',
    async run({ project }) {
      await project.compose('up', '--detach', '--build', '--wait');
      return undefined;
    },
  },
  { title: 'the system works', run: use },
  { title: 'secrets are introduced', run: introduce },
  { title: 'callers need a token', run: tokens },
  { title: 'it moves to three brokers by a backup, and gives the same answers', run: move },
  { title: 'every stream has three replicas', run: (round) => copied(round) },
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
  { title: 'no view mistook a stream with a new leader for another stream', run: keptViews },
  {
    title: 'down and up keep all state',
    async run(round) {
      await round.project.compose('--profile', 'ports', 'down');
      await round.project.compose('--profile', 'ports', 'up', '--detach', '--wait');
      await round.assertState();
      return copied(round);
    },
  },
  {
    title: 'brokers and clients use TLS with all state',
    async run(round) {
      return copied(round, await encrypted(round, ['deploy/tls/compose.yml', 'deploy/cluster/tls.yml']));
    },
  },
];
