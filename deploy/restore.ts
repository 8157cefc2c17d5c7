/**
 * `npm run restore -- DIR [--force]`: brings all streams back from a backup. Everything is checked before anything is
 * changed. Services may run: they notice that the streams are others and build their views again.
 */
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { Connection } from '../shared/broker/connection.ts';
import { findStream } from '../shared/broker/lost-stream.ts';
import { restoredKey } from '../shared/broker/stream-identity.ts';
import { messageOf } from '../shared/operations/errors.ts';
import { readArguments, runProgram } from '../shared/process/command-line.ts';
import { type Config, readConfig } from '../shared/process/config.ts';
import { createLogger } from '../shared/process/log.ts';
import { hub, type Sites } from '../shared/process/sites.ts';
import { applyStreams } from '../streams/all.ts';
import { recover } from '../streams/recover.ts';
import { closedSubjects } from '../streams/recovery.ts';
import { copiedKinds } from '../streams/sites.ts';
import { sitesHere } from './edge/register.ts';
import { type Manifest, piecesOf, readBackup } from './manifest.ts';
import { putSnapshot } from './snapshot.ts';

export interface RestoreOptions {
  /** Replace streams that hold messages. What they hold is lost. */
  force?: boolean;
}

/**
 * Restores all streams of a backup. Where there are other sites, what they have of this one beyond the backup comes back, too,
 * before anybody can write.
 * @returns the backup, and the sites that did not answer
 * @throws Error when the backup is damaged or a stream holds messages: then nothing was changed; and when the broker refuses
 *   a stream or takes too long, which the error says.
 */
export async function restore(
  nc: NatsConnection,
  folder: string,
  config: Pick<Config, 'streamReplicas'> & Partial<Sites>,
  { force = false }: RestoreOptions = {},
): Promise<Manifest & { away: string[] }> {
  const backup = readBackup(folder);
  const { site = hub, sites = [site], streamReplicas } = config;
  const among = { site, sites: [...sites], streamReplicas };
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const present = new Map<string, number>();
  for (const { name } of backup.streams) {
    const info = await findStream(jsm, name);
    if (info) present.set(name, info.state.messages);
  }
  const full = [...present].filter(([, messages]) => messages > 0).map(([name]) => name);
  if (full.length > 0 && !force) {
    throw new Error(`Nothing was restored: it would delete the messages of ${full.join(', ')}. --force replaces them.`);
  }
  // A view of the time before must not be taken for one of the restored stream.
  const restored = new Date().toISOString();
  // All of them first: what the old ones still take must not end in one that is restored, such as a dead letter.
  for (const name of present.keys()) await jsm.streams.delete(name);
  for (const { name, file, snapshot } of backup.streams) {
    const metadata = { ...snapshot.config.metadata, [restoredKey]: restored };
    const wanted = { ...snapshot.config, metadata, num_replicas: config.streamReplicas };
    if (copiedKinds.includes(name) && among.sites.length > 1) wanted.subjects = closedSubjects(name);
    try {
      await putSnapshot(nc, { ...snapshot, config: wanted }, piecesOf(join(folder, file)));
    } catch (error) {
      // NATS 2.15 leaves what it has stored by then: nobody may go on with that, as if it were all.
      await jsm.streams.delete(name).catch(() => {});
      throw new Error(`${messageOf(error)}. Not all is restored: run it again with --force.`, { cause: error });
    }
  }
  const { away } = sites.length > 1 ? await recover(nc, among) : { away: [] };
  // Streams and settings that are newer than the backup; and those that took no writes take them.
  await applyStreams(nc, among);
  return { ...backup, away };
}

const usage = `Usage: npm run restore -- DIR [--force]

Brings all streams back from a backup. Everything is checked before anything is changed.

  --force   replace streams that hold messages; what they hold is lost`;

async function main(): Promise<void> {
  const { values, positionals } = readArguments({
    usage,
    options: { force: { type: 'boolean', default: false } },
    positionals: { min: 1, max: 1 },
  });
  const [folder = ''] = positionals;
  const config = readConfig(process.env);
  config.sites = sitesHere(config);
  await using connection = new Connection(config, 'restore', createLogger('restore', config.logLevel));
  const { madeAt, streams, away } = await restore((await connection.within()).nc, folder, config, values);
  for (const { name, messages } of streams) console.log(`${name.padEnd(12)} ${messages} messages`);
  console.log(`restored the backup of ${madeAt}`);
  if (away.length > 0) {
    console.log(`${away.join(', ')} did not answer and may have more than it: when they do, npm run site -- recover`);
  }
}

if (import.meta.main) await runProgram(main);
