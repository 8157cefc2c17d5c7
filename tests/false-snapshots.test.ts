/** Invalid snapshots, and failures while a snapshot is made or loaded. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Objm } from '@nats-io/obj';
import { test } from 'vitest';
import { backup } from '../deploy/backup.ts';
import { restore } from '../deploy/restore.ts';
import {
  bucketOf,
  bucketStream,
  claimSubject,
  type Snapshot,
  SnapshotBucket,
  type SnapshotInfo,
} from '../shared/broker/snapshot-bucket.ts';
import { AppError } from '../shared/operations/errors.ts';
import { until } from './harness.ts';
import { begin, type Given, makeSnapshot, openView, startWithVotes, vote, voter, voters } from './snapshot-views.ts';

/** Changes the metadata of a snapshot in the store. */
async function changeMetadata({ system }: Given, { subject }: Snapshot, change: (meta: Meta) => void): Promise<void> {
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

const chunksOf = ({ id }: Pick<Snapshot, 'id'>): string => `$O.${bucketOf('toy')}.C.${id}`;

test.concurrent('the previous snapshot is used when the newest is truncated or altered', async () => {
  await using given = await startWithVotes(10);
  const { system } = given;
  const jsm = await system.streams();
  const first = await makeSnapshot(given);
  await vote(system, 10, 20);
  const second = await makeSnapshot(given);
  const chunk = await jsm.streams.getMessage(bucketStream('toy'), { last_by_subj: chunksOf(second) });
  assert.ok(chunk);
  await jsm.streams.deleteMessage(bucketStream('toy'), chunk.seq);
  assert.deepEqual(await begin(given, voters(20)), ['message not found', first.name]);
  const altered = chunk.data.with(chunk.data.length - 1, (chunk.data.at(-1) as number) ^ 1);
  await system.publish(chunksOf({ id: 'altered' }), altered);
  await changeMetadata(given, second, (meta) => {
    meta.nuid = 'altered';
  });
  const [reason, used] = await begin(given, voters(20));
  assert.match(reason ?? '', /^it was altered|checksum|corrupt/i);
  assert.equal(used, first.name);
});

test.concurrent('a snapshot of another version, or ahead of its stream, is not used', async () => {
  await using given = await startWithVotes(10);
  const snapshot = await makeSnapshot(given);
  const changeInfo = (change: Partial<SnapshotInfo>): Promise<void> =>
    changeMetadata(given, snapshot, (meta) => {
      meta.metadata.view = JSON.stringify({ ...JSON.parse(meta.metadata.view), ...change });
    });
  await changeInfo({ version: 2 });
  assert.deepEqual(await begin(given, voters(10)), []);
  const marked = voters(10).map((name) => `${name}!`);
  const newer = { version: 2, rows: { mark: '!' } };
  assert.deepEqual(await begin(given, marked, newer), ['its file and metadata differ in version']);
  await changeInfo({ version: 1, checkpoints: snapshot.checkpoints.map((one) => ({ ...one, sequence: 11 })) });
  assert.deepEqual(await begin(given, voters(10)), []);
  await changeInfo(snapshot);
  assert.deepEqual(await begin(given, voters(10)), [snapshot.name]);
});

test.concurrent('after a restore no older snapshot is used, and new ones are made', async () => {
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

test.concurrent('a snapshot is not used after its stream was restored to an older state and then written to', async () => {
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

test.concurrent('when the object store is full the view goes on, reports it, and stores a snapshot once there is space', async () => {
  await using given = await startWithVotes(10, { bucket: { max_msgs: 1 } });
  const { system, bucket } = given;
  await using view = openView(system, { env: { SNAPSHOT_EVERY: '5' } });
  await until(() => view.state.snapshot?.problem?.includes('maximum messages exceeded'), 'the trouble');
  await until(() => view.queries.voters().length === 10, 'the voters');
  const jsm = await system.streams();
  assert.equal((await jsm.streams.info(bucketStream('toy'))).state.messages, 0, 'nothing is left of it');
  await jsm.streams.update(bucketStream('toy'), { max_msgs: 100 });
  await using other = openView(system, { env: { SNAPSHOT_EVERY: '5' } });
  await until(() => other.state.snapshot?.bytes, 'a snapshot');
  assert.equal((await bucket.list())?.length, 1);
});

test.concurrent('leftovers of a killed snapshot maker are removed from its folder and the store', async () => {
  await using given = await startWithVotes(10);
  const { system } = given;
  const folder = join(system.folder, 'killed');
  mkdirSync(folder);
  for (const suffix of ['.copy', '.copy-wal', '.part'])
    writeFileSync(join(folder, `toy.v1.abc.sqlite${suffix}`), 'half');
  await system.publish(chunksOf({ id: 'half' }), 'half');
  await system.publish(claimSubject('toy'), '', { 'Nats-TTL': '2s' });
  const { id } = await makeSnapshot(given, { folder });
  const jsm = await system.streams();
  const { state } = await jsm.streams.info(bucketStream('toy'), { subjects_filter: '$O.views-toy.C.>' });
  assert.deepEqual(Object.keys(state.subjects ?? {}), [chunksOf({ id })]);
  await begin(given, voters(10), { folder });
  const left = readdirSync(folder).filter((file) => file.includes('abc'));
  assert.deepEqual(left, []);
});

test.concurrent('loading a snapshot survives a broker that is killed meanwhile', async () => {
  await using given = await startWithVotes(0, { ownBroker: true });
  const { system, bucket } = given;
  const data = randomBytes(12_000_000);
  const about = { version: 1, checkpoints: [], fileBytes: data.length };
  await bucket.put('large', about, new Blob([data]).stream());
  const [large] = (await bucket.list()) ?? [];
  assert.ok(large);
  const chunks: Uint8Array[] = [];
  for await (const chunk of bucket.read(large, new AbortController().signal)) {
    chunks.push(chunk);
    if (chunks.length > 1) continue;
    await system.killBroker();
    await system.restartBroker();
  }
  assert.ok(chunks.length > 1);
  assert.ok(Buffer.concat(chunks).equals(data));
  // NATS' own client can read the snapshot as well.
  await until(() => system.connection.connected, 'the connection');
  const read = await (await new Objm(system.link.js).open(bucketOf('toy'))).getBlob('large');
  assert.ok(read && data.equals(read));
});

test.concurrent('loading a snapshot survives a long absence of the broker', async () => {
  await using given = await startWithVotes(10);
  const { connection } = given.system;
  const snapshot = await makeSnapshot(given);
  let tries = 0;
  const away = () => tries <= 30;
  const lost = Object.create(connection, {
    connected: { get: () => !away() },
    link: {
      get() {
        tries++;
        if (away()) throw new AppError('unavailable');
        return connection.link;
      },
    },
  });
  let bytes = 0;
  const chunks = new SnapshotBucket('toy', lost).read(snapshot, new AbortController().signal);
  for await (const { length } of chunks) bytes += length;
  assert.equal(bytes, snapshot.bytes);
});
