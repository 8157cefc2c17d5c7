/** Views that start from a snapshot. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { bucketStream, claimSubject, type Snapshot, SnapshotBucket } from '../shared/broker/snapshot-bucket.ts';
import { get, startSystem, until } from './harness.ts';
import { begin, makeSnapshot, openView, startWithVotes, vote, voters } from './snapshot-views.ts';

test.concurrent('a replica without a file starts from the newest snapshot and reads on from its checkpoint', async () => {
  await using given = await startWithVotes(10);
  const first = await makeSnapshot(given);
  assert.deepEqual(
    first.checkpoints.map(({ stream, sequence }) => [stream, sequence]),
    [['VOTES', 10]],
  );
  await vote(given.system, 10, 20);
  const second = await makeSnapshot(given);
  await vote(given.system, 20, 23);
  assert.deepEqual(await begin(given, voters(23)), [second.name]);
});

test.concurrent('a view with a damaged file starts from its snapshot again, but not repeatedly', async () => {
  await using given = await startWithVotes(10);
  const { system } = given;
  const { name } = await makeSnapshot(given);
  const folder = join(system.folder, 'damaged');
  const { logFile = '' } = system.config();
  await using view = openView(system, { folder });
  await view.ready;
  await until(() => view.caughtUp, 'it to have caught up');
  for (const [rebuilds, taken] of [
    [1, 2],
    // The second time, the snapshot itself may be the cause.
    [2, 2],
  ]) {
    const [file = ''] = readdirSync(folder).filter((one) => one.endsWith('.sqlite'));
    truncateSync(join(folder, file), 0);
    await until(() => view.state.rebuilds === rebuilds && view.caughtUp, 'it to be built again');
    assert.deepEqual(view.queries.voters(), voters(10));
    const lines = readFileSync(logFile, 'utf8').split('\n');
    const begun = lines.filter((line) => line.includes(name) && line.includes('begins with a snapshot'));
    assert.equal(begun.length, taken);
  }
});

test.concurrent('a group of replicas neither uses nor removes snapshots of another group', async () => {
  await using given = await startWithVotes(10);
  const whole = await makeSnapshot(given);
  const own = await makeSnapshot(given, { rows: { group: '1-of-2' } });
  const other = await makeSnapshot(given, { rows: { group: '2-of-2' } });
  assert.equal(own.group, '1-of-2');
  await vote(given.system, 10, 12);
  assert.deepEqual(await begin(given, voters(12)), [whole.name]);
  assert.deepEqual(await begin(given, voters(12), { rows: { group: '1-of-2' } }), [own.name]);
  assert.deepEqual(await begin(given, voters(12), { rows: { group: '2-of-2' } }), [other.name]);
  assert.deepEqual(await begin(given, voters(12), { rows: { group: '1-of-3' } }), []);
});

test.concurrent('a view that once read the stream of a removed site still makes usable snapshots, once', async () => {
  await using given = await startWithVotes(10);
  const { system, bucket } = given;
  await (await system.streams()).streams.add({ name: 'VOTES_edge1', subjects: ['elsewhere'] });
  const folder = join(system.folder, 'view');
  {
    await using view = openView(system, { folder, env: { SITES: 'hub,edge1' } });
    await view.ready;
  }
  const made = await makeSnapshot(given, { folder });
  assert.deepEqual(
    made.checkpoints.map(({ stream }) => stream),
    ['VOTES', 'VOTES_edge1'],
  );
  assert.deepEqual(await begin(given, voters(10)), [made.name]);
  assert.equal((await bucket.list())?.length, 1);
});

test.concurrent('a replica that has lost its claim removes nothing', async () => {
  await using given = await startWithVotes(10);
  const { system, bucket } = given;
  await makeSnapshot(given);
  const stored = (await bucket.list()) ?? [];
  // The claim of the snapshot ends a second after it is given up.
  const claim = await until(() => bucket.claim(), 'the claim');
  await system.publish(claimSubject('toy'), 'another replica has it now');
  await assert.rejects(bucket.prune(stored, claim), /was lost/);
  await claim[Symbol.asyncDispose]();
  assert.deepEqual(await bucket.list(), stored);
  assert.deepEqual(await begin(given, voters(10)), [stored[0]?.name]);
});

test.concurrent('the last two snapshots of a version are kept, and none of older versions', async () => {
  await using given = await startWithVotes(10);
  const made: Snapshot[] = [];
  for (let round = 1; round <= 3; round++) {
    made.push(await makeSnapshot(given));
    await vote(given.system, 10 * round, 10 * round + 10);
  }
  const names = async () => (await given.bucket.list())?.map(({ name }) => name);
  assert.deepEqual(await names(), [made[2]?.name, made[1]?.name]);
  const newer = await makeSnapshot(given, { version: 2, rows: { mark: '!' } });
  assert.deepEqual(await names(), [newer.name]);
  assert.deepEqual(await begin(given, voters(40)), []);
});

test.concurrent('of two replicas that find a snapshot due at once, one makes it', async () => {
  await using given = await startWithVotes(10);
  const { system, bucket } = given;
  await using one = openView(system, { env: { SNAPSHOT_EVERY: '5' } });
  await using other = openView(system, { env: { SNAPSHOT_EVERY: '5' } });
  for (const { state } of [one, other]) assert.equal(state.snapshot, undefined);
  await until(
    () => [one, other].every(({ state }) => state.snapshot?.madeAt && state.snapshot.behind === 0),
    'a snapshot',
  );
  assert.equal((await bucket.list())?.length, 1);
});

/** Reads answers of a service as bytes. */
async function answersOf(url: string, paths: string[]): Promise<string[]> {
  return Promise.all(paths.map(async (path) => `${path} ${await (await fetch(url + path)).text()}`));
}

test.concurrent('replicas give equal answers from a snapshot, by replay, and from a snapshot made by hand', async () => {
  await using system = await startSystem();
  const movie = (movieId: number, change = '') =>
    system.publish(`catalogue.hub.movie.${movieId}`, {
      title: `Film ${movieId}${change}`,
      genres: movieId % 2 ? ['Drama'] : ['Drama', 'Comedy'],
      year: 1950 + movieId,
      rating: (movieId % 10) / 2,
    });
  const like = (movieId: number, voterId: string, liked = true) =>
    system.publish(`votes.hub.${movieId}`, { voterId, liked });
  for (let id = 1; id <= 40; id++) await movie(id);
  for (let n = 0; n < 100; n++) await like(1 + ((n * n) % 23), `viewer-${n % 31}`, n % 7 !== 0);
  const services = ['movies', 'ranking'] as const;
  const runtimeOf = { movies: 'node', ranking: 'deno' } as const;
  const paths = {
    movies: [
      '/movies?limit=500',
      '/movies?q=film+7',
      '/movies/3',
      '/movies/genre/comedy',
      '/genres',
      '/movies/suggest?q=fil',
    ],
    ranking: ['likes', 'trending', 'rating']
      .flatMap((by) => [`/ranking?by=${by}`, `/ranking/genre/comedy?by=${by}&limit=5`])
      .concat('/votes?limit=500', '/votes/4'),
  };
  const stored = async (name: string) => (await new SnapshotBucket(name, system.connection).list()) ?? [];
  for (const name of services) {
    const maker = await system.spawn(name, runtimeOf[name], { SNAPSHOT_EVERY: '30' });
    await until(async () => (await stored(name)).length > 0, 'a snapshot');
    await until(
      async () => (await get<Readiness>(`${maker.url}/readyz`)).body.snapshot?.behind === 0,
      '/readyz to say so',
    );
    const metrics = await (await fetch(`${maker.url}/metrics`)).text();
    assert.match(metrics, /^marquee_view_snapshot_bytes [1-9]/m);
    assert.match(metrics, /^marquee_view_snapshot_missing 0$/m);
    await maker.program.signal('SIGTERM');
  }
  for (let id = 5; id <= 45; id += 5) await movie(id, ' again');
  for (let n = 0; n < 40; n++) await like(1 + (n % 23), `viewer-${n % 17}`, n % 3 !== 0);
  await system.publish('votes.hub.1', 'unreadable');
  const answers: Record<string, string[]> = {};
  const begun: Record<string, number> = {};
  const collect = async (how: string): Promise<void> => {
    rmSync(system.config().logFile ?? '', { force: true });
    answers[how] = [];
    for (const name of services) {
      const replica = await system.startReplica(name, { SNAPSHOT_EVERY: '0', LOG_LEVEL: 'info' });
      await replica.ready;
      answers[how].push(...(await answersOf(replica.url, paths[name])));
      await replica.stop();
    }
    const log = readFileSync(system.config().logFile ?? '', 'utf8');
    begun[how] = log.split('the view begins with a snapshot').length - 1;
  };
  await collect('snapshot');
  for (const name of services) {
    const program = system.program('deploy/snapshot-view.ts', [name], {}, runtimeOf[name]);
    assert.equal(await program.ended, 0, program.stderr);
    assert.equal(program.stdout, `stored ${(await stored(name))[0]?.name}\n`);
  }
  await collect('by hand');
  const jsm = await system.streams();
  const letters = await jsm.streams.info('DEADLETTERS', { subjects_filter: 'deadletters.>' });
  assert.deepEqual(
    Object.keys(letters.state.subjects ?? {}).map((subject) => subject.split('.')[2]),
    ['ranking'],
  );
  for (const name of services) await jsm.streams.purge(bucketStream(name));
  await collect('replay');
  assert.deepEqual(begun, { snapshot: 2, 'by hand': 2, replay: 0 });
  assert.deepEqual(answers.snapshot, answers.replay);
  assert.deepEqual(answers['by hand'], answers.replay);
});

interface Readiness {
  snapshot?: { behind: number };
}
