/** Test helpers: a system with votes, and a toy view of them that makes snapshots and starts from them. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Snapshot, SnapshotBucket } from '../shared/broker/snapshot-bucket.ts';
import type { View } from '../shared/views/view.ts';
import { snapshotBucket } from '../streams/snapshots.ts';
import { type System, startSystem, until } from './harness.ts';
import { openToyView, type ToyOptions, type Voters } from './toy-view.ts';

export interface Given extends AsyncDisposable {
  system: System;
  bucket: SnapshotBucket;
}

/** Starts a system with an object store for the toy view and a number of votes. */
export async function startWithVotes(count: number, { ownBroker = false, bucket = {} } = {}): Promise<Given> {
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

export const voter = (n: number): string => `voter-${n}`;
export const voters = (count: number): string[] => Array.from({ length: count }, (_, n) => voter(n));

export async function vote(system: System, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) await system.publish('votes.hub.1', { voterId: voter(n), liked: true });
}

let opened = 0;

/** Opens a view in a folder of its own. Its log, with the snapshot it started from, is in the system's folder. */
export function openView(system: System, options: ToyOptions = {}): View<Voters> {
  const env = { SNAPSHOT_EVERY: '0', LOG_LEVEL: 'info', ...options.env };
  return openToyView(system, { folder: join(system.folder, `view-${++opened}`), ...options, env });
}

/** Makes a view store a snapshot of all votes. */
export async function makeSnapshot({ system, bucket }: Given, options: ToyOptions = {}): Promise<Snapshot> {
  const before = (await bucket.list())?.[0]?.madeAt ?? 0;
  await using view = openView(system, { env: { SNAPSHOT_EVERY: '5' }, ...options });
  await view.ready;
  return await until(async () => {
    const newest = (await bucket.list())?.[0];
    return newest && newest.madeAt > before ? newest : undefined;
  }, 'a snapshot');
}

/** Returns what a new view started from, once it shows the voters: names of snapshots, or why they were not used. */
export async function begin({ system }: Given, expected: string[], options: ToyOptions = {}): Promise<string[]> {
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
