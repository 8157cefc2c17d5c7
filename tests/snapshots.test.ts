/** Views that begin with a snapshot, and snapshots that are false. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Objm } from '@nats-io/obj';
import { test } from 'vitest';
import { backup } from '../deploy/backup.ts';
import { restore } from '../deploy/restore.ts';
import {
  type AboutSnapshot,
  bucketOf,
  bucketStream,
  claimSubject,
  type Snapshot,
  SnapshotBucket,
} from '../shared/broker/snapshot-bucket.ts';
import type { View } from '../shared/views/view.ts';
import { snapshotBucket } from '../streams/snapshots.ts';
import { get, type System, startSystem, until } from './harness.ts';
import { openToyView, type ToyOptions, type Voters } from './toy-view.ts';

interface Given extends AsyncDisposable {
  system: System;
  bucket: SnapshotBucket;
}

/** A system with an object store for the toy view, and with so many votes. */
async function startWithVotes(count: number, { ownBroker = false, bucket = {} } = {}): Promise<Given> {
  const system = await startSystem({ ownBroker });
  const jsm = await system.streams();
  await jsm.streams.add({ ...snapshotBucket('toy'), ...bucket } as { name: string });
  await vote(system, 0, count);
  return {
    system,
    bucket: new SnapshotBucket('toy', system.connection),
    [Symbol.asyncDispose]: () => system[Symbol.asyncDispose](),
  };
}

const voter = (n: number): string => `voter-${n}`;
const voters = (count: number): string[] => Array.from({ length: count }, (_, n) => voter(n));

async function vote(system: System, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) await system.publish('votes.hub.1', { voterId: voter(n), liked: true });
}

let opened = 0;

/** Opens a view in a folder of its own. Its log, with what it began with, is in the folder of the system. */
function openView(system: System, options: ToyOptions = {}): View<Voters> {
  const env = { SNAPSHOT_EVERY: '0', LOG_LEVEL: 'info', ...options.env };
  return openToyView(system, { folder: join(system.folder, `view-${++opened}`), ...options, env });
}

/** Has a view make a snapshot of all the votes that there are. */
async function makeSnapshot({ system, bucket }: Given, options: ToyOptions = {}): Promise<Snapshot> {
  const before = (await bucket.list())?.[0]?.madeAt ?? 0;
  await using view = openView(system, { env: { SNAPSHOT_EVERY: '5' }, ...options });
  await view.ready;
  return await until(async () => {
    const newest = (await bucket.list())?.[0];
    return newest && newest.madeAt > before ? newest : undefined;
  }, 'a snapshot');
}

/** What a new view begins with, once it shows the voters: names of snapshots, or reasons against them. */
async function begin({ system }: Given, expected: string[], options: ToyOptions = {}): Promise<string[]> {
  const { logFile = '' } = system.config();
  rmSync(logFile, { force: true });
  await using view = openView(system, options);
  await view.ready;
  await until(() => JSON.stringify(view.queries.voters()) === JSON.stringify(expected), 'the voters');
  const lines = existsSync(logFile) ? readFileSync(logFile, 'utf8').trim().split('\n') : [];
  return lines
    .map((line) => JSON.parse(line) as { msg: string; reason?: string; snapshot?: string })
    .flatMap(({ msg, reason, snapshot }) => {
      if (msg === 'the view begins with a snapshot') return [snapshot ?? ''];
      return reason === undefined ? [] : [reason];
    });
}

test('a replica without a file begins with the newest snapshot, and reads on behind it', async () => {
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

test('a group of replicas takes no snapshot of another, and leaves those of others alone', async () => {
  await using given = await startWithVotes(10);
  const whole = await makeSnapshot(given);
  const own = await makeSnapshot(given, { group: '1-of-2' });
  const other = await makeSnapshot(given, { group: '2-of-2' });
  assert.equal(own.group, '1-of-2');
  await vote(given.system, 10, 12);
  assert.deepEqual(await begin(given, voters(12)), [whole.name]);
  assert.deepEqual(await begin(given, voters(12), { group: '1-of-2' }), [own.name]);
  assert.deepEqual(await begin(given, voters(12), { group: '2-of-2' }), [other.name]);
  assert.deepEqual(await begin(given, voters(12), { group: '1-of-3' }), []);
});

test('a view that once read the stream of a site that is named no more makes snapshots that fit, and one of them', async () => {
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

test('of a version the last two snapshots are kept, and none of older ones', async () => {
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

/** What is said of a snapshot in the store, changed. */
async function restate({ system }: Given, { subject }: Snapshot, change: (meta: Meta) => void): Promise<void> {
  const stored = await (await system.streams()).streams.getMessage(bucketStream('toy'), { last_by_subj: subject });
  assert.ok(stored);
  const meta = stored.json<Meta>();
  change(meta);
  await system.publish(subject, meta, { 'Nats-Rollup': 'sub' });
}

interface Meta {
  nuid: string;
  metadata: { view: string };
}

const piecesOf = ({ id }: Pick<Snapshot, 'id'>): string => `$O.${bucketOf('toy')}.C.${id}`;

test('a snapshot that was cut off or altered is not used, but the one before it', async () => {
  await using given = await startWithVotes(10);
  const { system } = given;
  const jsm = await system.streams();
  const first = await makeSnapshot(given);
  await vote(system, 10, 20);
  const second = await makeSnapshot(given);
  const piece = await jsm.streams.getMessage(bucketStream('toy'), { last_by_subj: piecesOf(second) });
  assert.ok(piece);
  await jsm.streams.deleteMessage(bucketStream('toy'), piece.seq);
  assert.deepEqual(await begin(given, voters(20)), ['message not found', first.name]);
  const altered = piece.data.with(piece.data.length - 1, (piece.data.at(-1) as number) ^ 1);
  await system.publish(piecesOf({ id: 'altered' }), altered);
  await restate(given, second, (meta) => {
    meta.nuid = 'altered';
  });
  const [reason, used] = await begin(given, voters(20));
  assert.match(reason ?? '', /^it was altered|checksum|corrupt/i);
  assert.equal(used, first.name);
});

test('a snapshot that says another version, or more than its stream has, is not used', async () => {
  await using given = await startWithVotes(10);
  const snapshot = await makeSnapshot(given);
  const say = (change: Partial<AboutSnapshot>): Promise<void> =>
    restate(given, snapshot, (meta) => {
      meta.metadata.view = JSON.stringify({ ...JSON.parse(meta.metadata.view), ...change });
    });
  await say({ version: 2 });
  assert.deepEqual(await begin(given, voters(10)), []);
  const marked = voters(10).map((name) => `${name}!`);
  const newer = { version: 2, rows: { mark: '!' } };
  assert.deepEqual(await begin(given, marked, newer), ['its file is of another version']);
  await say({ version: 1, checkpoints: snapshot.checkpoints.map((one) => ({ ...one, sequence: 11 })) });
  assert.deepEqual(await begin(given, voters(10)), []);
  await say(snapshot);
  assert.deepEqual(await begin(given, voters(10)), [snapshot.name]);
});

test('after a restore no snapshot from the time before is used, and there are new ones', async () => {
  await using given = await startWithVotes(10);
  const { system } = given;
  const folder = join(system.folder, 'backup');
  await backup(system.link.nc, folder);
  await vote(system, 10, 20);
  await makeSnapshot(given);
  await restore(system.link.nc, folder, system.config(), { force: true });
  await vote(system, 10, 12);
  for (let n = 0; n < 10; n++) await system.publish('votes.hub.1', { voterId: voter(12 + n), liked: true });
  assert.deepEqual(await begin(given, voters(22)), []);
  const { name } = await makeSnapshot(given);
  assert.deepEqual(await begin(given, voters(22)), [name]);
});

test('a stream that was put back to an older state, and written on, shows when it is compared', async () => {
  await using given = await startWithVotes(5, { ownBroker: true });
  const { system } = given;
  const stream = join(system.folder, 'nats/jetstream/$G/streams/VOTES');
  const older = join(system.folder, 'older');
  const restart = async (change: () => void): Promise<void> => {
    await system.killBroker();
    change();
    await system.restartBroker();
    await until(() => system.connection.connected, 'the connection');
  };
  await restart(() => cpSync(stream, older, { recursive: true }));
  await vote(system, 5, 10);
  const { name } = await makeSnapshot(given);
  await restart(() => {
    rmSync(stream, { recursive: true });
    cpSync(older, stream, { recursive: true });
  });
  for (let n = 0; n < 8; n++) await system.publish('votes.hub.1', { voterId: `other-${n}`, liked: true });
  const expected = [...voters(5), ...Array.from({ length: 8 }, (_, n) => `other-${n}`)];
  const [used, reason] = await begin(given, expected);
  assert.equal(used, name);
  assert.match(reason ?? '', /holds other messages/);
});

test('where the object store is full the view goes on, says so, and stores one when there is room', async () => {
  await using given = await startWithVotes(10, { bucket: { max_msgs: 1 } });
  const { system, bucket } = given;
  await using view = openView(system, { env: { SNAPSHOT_EVERY: '5' } });
  const problem = await until(() => view.snapshot?.problem, 'the trouble');
  assert.match(problem, /maximum messages exceeded/);
  await until(() => view.queries.voters().length === 10, 'the voters');
  const jsm = await system.streams();
  assert.equal((await jsm.streams.info(bucketStream('toy'))).state.messages, 0, 'nothing is left of it');
  await jsm.streams.update(bucketStream('toy'), { max_msgs: 100 });
  await using other = openView(system, { env: { SNAPSHOT_EVERY: '5' } });
  await until(() => other.snapshot?.bytes, 'a snapshot');
  assert.equal((await bucket.list())?.length, 1);
});

test('of two replicas that find one due at once, one makes it', async () => {
  await using given = await startWithVotes(10);
  const { system, bucket } = given;
  await using one = openView(system, { env: { SNAPSHOT_EVERY: '5' } });
  await using other = openView(system, { env: { SNAPSHOT_EVERY: '5' } });
  for (const { snapshot } of [one, other]) assert.equal(snapshot, undefined);
  await until(() => [one, other].every(({ snapshot }) => snapshot?.madeAt && snapshot.behind === 0), 'a snapshot');
  assert.equal((await bucket.list())?.length, 1);
});

test('what a maker leaves that was killed, in its folder and in the store, is removed', async () => {
  await using given = await startWithVotes(10);
  const { system } = given;
  const folder = join(system.folder, 'killed');
  mkdirSync(folder);
  for (const suffix of ['.copy', '.copy-wal', '.part'])
    writeFileSync(join(folder, `toy.v1.abc.sqlite${suffix}`), 'half');
  await system.publish(piecesOf({ id: 'half' }), 'half');
  await system.publish(claimSubject('toy'), '', { 'Nats-TTL': '2s' });
  const { id } = await makeSnapshot(given, { folder });
  const jsm = await system.streams();
  const { state } = await jsm.streams.info(bucketStream('toy'), { subjects_filter: '$O.views-toy.C.>' });
  assert.deepEqual(Object.keys(state.subjects ?? {}), [piecesOf({ id })]);
  await begin(given, voters(10), { folder });
  const left = readdirSync(folder).filter((file) => file.includes('abc'));
  assert.deepEqual(left, []);
});

test('a snapshot whose broker is killed while it is read comes all the same', async () => {
  await using given = await startWithVotes(0, { ownBroker: true });
  const { system, bucket } = given;
  const data = randomBytes(12_000_000);
  const about = { version: 1, checkpoints: [], fileBytes: data.length };
  await bucket.put('large', about, new Blob([data]).stream());
  const [large] = (await bucket.list()) ?? [];
  assert.ok(large);
  const pieces: Uint8Array[] = [];
  for await (const piece of bucket.read(large, new AbortController().signal)) {
    pieces.push(piece);
    if (pieces.length !== 40) continue;
    await system.killBroker();
    await system.restartBroker();
  }
  assert.equal(pieces.length, large.chunks);
  assert.ok(Buffer.concat(pieces).equals(data));
  // NATS' own clients read it, too.
  await until(() => system.connection.connected, 'the connection');
  const read = await (await new Objm(system.link.js).open(bucketOf('toy'))).getBlob('large');
  assert.ok(read && data.equals(read));
});

/** Answers of a service, byte by byte. */
async function answersOf(url: string, paths: string[]): Promise<string[]> {
  return Promise.all(paths.map(async (path) => `${path} ${await (await fetch(url + path)).text()}`));
}

test('replicas answer the same from a snapshot, from the beginning of the streams, and from a snapshot made by hand', async () => {
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
  for (const name of services) await jsm.streams.purge(bucketStream(name));
  await collect('replay');
  assert.deepEqual(begun, { snapshot: 2, 'by hand': 2, replay: 0 });
  assert.deepEqual(answers.snapshot, answers.replay);
  assert.deepEqual(answers['by hand'], answers.replay);
});

interface Readiness {
  snapshot?: { behind: number };
}
