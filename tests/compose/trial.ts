/** The round without secrets: build, start, use, scale, update, kill, stop, start. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../harness.ts';
import { underLoad } from './load.ts';
import { backing, downAndUp, type Round, restart, type Step, up } from './round.ts';

/** Adds the data that `assertState` checks. */
export async function use(round: Round): Promise<undefined> {
  const { body } = await round.get<{ items: unknown[] }>('/movies?limit=500');
  assert.ok(body.items.length > 400, 'the catalogue is seeded');
  const added = { movieId: 900_001, title: 'The Lighthouse Keeper', genres: ['Drama'], year: 2024 };
  assert.equal((await round.post('/movies', added)).status, 201);
  assert.equal((await round.post('/votes/1/like', { voterId: 'alice' })).status, 200);
  round.likes++;
  await until(async () => (await round.post('/reminder/alice/900001', {})).status === 201, 'a reminder');
  assert.equal((await round.post('/support/alice', { message: 'The film stops.' })).status, 201);
  const orderId = await until(async () => {
    const { items } = (await round.get<{ items: { orderId: string }[] }>('/orders')).body;
    return items[0]?.orderId;
  }, 'a service order');
  assert.equal((await round.post(`/orders/${orderId}/resolve`, {})).status, 200);
  await until(async () => {
    const { items } = (await round.get<{ items: { state: string }[] }>('/support/alice')).body;
    return items[0]?.state === 'resolved';
  }, 'the viewer to see it');
}

async function hardened(round: Round): Promise<string> {
  const containers = await round.project.containers();
  for (const { Name, HostConfig: host, Config, NetworkSettings } of containers) {
    assert.match(Config.User, /^1000/, `${Name} is not root`);
    assert.ok(host.ReadonlyRootfs, `${Name} cannot write to its image`);
    assert.deepEqual(host.CapDrop, ['ALL'], `${Name} has no capabilities`);
    assert.deepEqual(host.SecurityOpt, ['no-new-privileges:true'], Name);
    assert.ok(host.Memory > 0 && (host.PidsLimit ?? 0) > 0, `${Name} has limits`);
    assert.equal(host.RestartPolicy.Name, 'unless-stopped', Name);
    const published = Object.values(NetworkSettings.Ports).flatMap((bindings) => bindings ?? []);
    assert.equal(published.length, Name.includes('gateway') ? 1 : 0, `${Name} publishes ${JSON.stringify(published)}`);
    assert.ok(
      published.every(({ HostIp }) => HostIp === '127.0.0.1'),
      Name,
    );
  }
  return `${containers.length} containers`;
}

async function scale(round: Round): Promise<undefined> {
  await round.project.compose('up', '--detach', '--wait', '--scale', 'movies=2', '--scale', 'ranking=2');
  for (const service of ['movies', 'ranking']) {
    assert.equal((await round.project.containers(service)).length, 2, service);
    const folders = await round.project.compose('exec', service, 'ls', '/data');
    assert.match(folders, /replica-1\s+replica-2/, 'each replica has a folder of its own');
  }
}

async function seedOwnFile(round: Round): Promise<string> {
  const folder = join(round.folder, 'seed');
  mkdirSync(folder, { recursive: true, mode: 0o777 });
  const row = '910001,A Film of One\'s Own,Drama,About it,Someone,"One, Two",2020,100,7.1,10,1.5,60';
  const header =
    'Rank,Title,Genre,Description,Director,Actors,Year,Runtime (Minutes),Rating,Votes,Revenue (Millions),Metascore';
  writeFileSync(join(folder, 'own.csv'), `${header}\n${row}\n`);
  const said = await round.project.compose('run', '--rm', '-T', 'seed', '--csv', '/data/own.csv');
  assert.equal((await round.get('/movies/910001')).body.title, "A Film of One's Own");
  return said.trim().split('\n').at(-1) ?? '';
}

/** Checks that a command after a build leaves containers alone that it does not name. */
async function nothingElse(round: Round): Promise<string> {
  const { project } = round;
  const folder = join(round.folder, 'backups');
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o777);
  const commands = [
    ['up', '--detach', '--wait', '--scale', 'movies=2', '--scale', 'ranking=2'],
    ['run', '--rm', '-T', 'seed', '--if-empty'],
    ['run', '--rm', '-T', 'backup', '/backups/trial'],
    ['run', '--rm', '-T', 'token', '--help'],
  ];
  const before = await project.running();
  for (const command of commands) {
    await project.compose(...command);
    assert.deepEqual(await project.running(), before, command.join(' '));
  }
  await project.compose('--profile', 'ports', 'up', '--detach', '--wait', '--no-recreate', 'ports');
  const { [`/${project.name}-ports-1`]: ports, ...others } = await project.running();
  assert.ok(ports, 'the ports are there');
  assert.deepEqual(others, before);
  await project.compose('--profile', 'ports', 'rm', '--stop', '--force', 'ports');
  return `${commands.length + 1} commands`;
}

/** A new version that does not start leaves the old replicas as they are, so that a roll-back works. */
async function brokenUpdate(round: Round): Promise<undefined> {
  const before = await round.project.running();
  const broken = round.projectWith('trial.env', { CHECKPOINT_PAGES: 'nonsense' });
  await assert.rejects(broken.program('deploy/update.sh', 'reminder'), /reminder: not updated/);
  assert.deepEqual(await round.project.running(), before);
}

async function logsAreLines(round: Round): Promise<undefined> {
  for (const service of [...backing, 'gateway']) {
    const text = await round.project.compose('logs', '--no-log-prefix', '--no-color', service);
    for (const line of text.split('\n').filter(Boolean)) assert.equal(typeof JSON.parse(line).msg, 'string', line);
  }
}

export const trialSteps: Step[] = [
  {
    title: 'the images are built',
    async run({ project }) {
      await project.compose('build');
      return undefined;
    },
  },
  up,
  { title: 'the system works', run: use },
  { title: 'containers have only the privileges they need', run: hardened },
  { title: "a user's file is seeded", run: seedOwnFile },
  { title: 'movies and ranking run with two replicas', run: scale },
  { title: 'no command recreates containers that it does not name', run: nothingElse },
  {
    title: 'services are updated under load without a failed request',
    run: (round) => underLoad(round, () => round.project.program('deploy/update.sh', ...backing)),
  },
  { title: 'an update to a version that does not start changes nothing', run: brokenUpdate },
  {
    title: 'the gateway is replaced under load',
    run: (round) =>
      underLoad(
        round,
        () => round.project.compose('up', '--detach', '--no-deps', '--force-recreate', '--wait', 'gateway'),
        { reads: 15_000, likes: 15_000 },
      ),
  },
  {
    title: 'a replica is killed under load',
    run: (round) => underLoad(round, () => round.project.kill('ranking'), { reads: 0, likes: 10_000 }),
  },
  {
    title: 'the broker is killed under load without losing acknowledged likes',
    run: (round) => underLoad(round, () => round.project.kill('broker'), { reads: 20_000, likes: 20_000 }),
  },
  restart,
  downAndUp,
  { title: 'logs are JSON lines on standard output', run: logsAreLines },
];
