/** `npm run backup -- DIR`: saves all streams to a folder while the system runs. Nothing else needs a backup. */
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { Connection } from '../shared/broker/connection.ts';
import { deadLetterStream } from '../shared/broker/dead-letters.ts';
import { createdAt, createdKey } from '../shared/broker/stream-identity.ts';
import { readArguments, runProgram } from '../shared/process/command-line.ts';
import { readConfig } from '../shared/process/config.ts';
import { createLogger } from '../shared/process/log.ts';
import { hub, type Sites } from '../shared/process/sites.ts';
import { streamsAt } from '../streams/sites.ts';
import { sitesHere } from './edge/register.ts';
import { type BackedUp, type Manifest, manifestName } from './manifest.ts';
import { takeSnapshot } from './snapshot.ts';

/**
 * Returns the streams in backup order. Dead letters come first, so that none refers to a message missing from the
 * backup, whose sequence another will get. An archive follows its stream, so that messages moved meanwhile are in both.
 */
const backupOrder = (sites: Sites): string[] =>
  streamsAt(sites)
    .map(({ name }) => name)
    .sort((a, b) => Number(b === deadLetterStream) - Number(a === deadLetterStream));

/**
 * Saves all streams, including copies of other sites' streams: they are all that is left if that site is lost.
 * @throws Error when the folder is not empty, or a snapshot fails; a folder without a manifest is not a backup
 */
export async function backup(
  nc: NatsConnection,
  folder: string,
  sites: Sites = { site: hub, sites: [hub] },
): Promise<Manifest> {
  mkdirSync(folder, { recursive: true });
  if (readdirSync(folder).length > 0) throw new Error(`${folder} is not empty: choose a new folder for the backup`);
  const saved: BackedUp[] = [];
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  for (const name of backupOrder(sites)) saved.push(await save(nc, jsm, name, folder));
  const made: Manifest = { format: 1, madeAt: new Date().toISOString(), streams: saved };
  // The manifest is written last and atomically: a folder that has one is complete.
  const path = join(folder, manifestName);
  writeFileSync(`${path}.part`, `${JSON.stringify(made, null, 2)}\n`, { flush: true });
  renameSync(`${path}.part`, path);
  return made;
}

async function save(nc: NatsConnection, jsm: JetStreamManager, name: string, folder: string): Promise<BackedUp> {
  const file = `${name}.snapshot`;
  const output = openSync(join(folder, file), 'wx');
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    const snapshot = await takeSnapshot(nc, name, (piece) => {
      for (let at = 0; at < piece.length; ) at += writeSync(output, piece, at);
      hash.update(piece);
      bytes += piece.length;
    });
    fsyncSync(output);
    // Saved as metadata, because a cluster does not keep the time of creation in a restore.
    const created = createdAt(await jsm.streams.info(name));
    snapshot.config.metadata = { ...snapshot.config.metadata, [createdKey]: created };
    const { messages, last_seq: lastSequence } = snapshot.state;
    return { name, file, bytes, sha256: hash.digest('hex'), messages, lastSequence, snapshot };
  } finally {
    closeSync(output);
  }
}

async function main(): Promise<void> {
  const usage = 'Usage: npm run backup -- DIR\n\nSaves all streams to an empty or new folder while the system runs.';
  const [folder = ''] = readArguments({ usage, positionals: { min: 1, max: 1 } }).positionals;
  const config = readConfig(process.env);
  config.sites = sitesHere(config);
  await using connection = new Connection(config, 'backup', createLogger('backup', config.logLevel));
  const { streams: saved } = await backup((await connection.within()).nc, folder, config);
  for (const { name, messages, bytes } of saved) console.log(`${name.padEnd(12)} ${messages} messages, ${bytes} bytes`);
  console.log(`backup saved to ${folder}`);
}

if (import.meta.main) await runProgram(main);
