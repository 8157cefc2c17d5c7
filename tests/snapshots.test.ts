/** Views that begin with a snapshot, and snapshots that are false. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { type Snapshot, SnapshotBucket } from '../shared/broker/snapshot-bucket.ts';
import type { View } from '../shared/views/view.ts';
import { snapshotBucket } from '../streams/snapshots.ts';
import { type System, startSystem, until } from './harness.ts';
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
  const before = (await bucket.list())?.[0]?.id;
  await using view = openView(system, { env: { SNAPSHOT_EVERY: '5' }, ...options });
  await view.ready;
  return await until(async () => {
    // Those of older versions are removed first, one by one.
    const newest = (await bucket.list())?.find(({ version }) => version === (options.version ?? 1));
    return newest?.id === before ? undefined : newest;
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
