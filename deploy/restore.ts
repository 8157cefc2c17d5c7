/**
 * `npm run restore -- DIR [--force]`: restores all streams from a backup. Everything is checked before anything is
 * changed. Services may run meanwhile: they notice the new stream incarnations and rebuild their views.
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
  /** Whether to replace streams that have messages, which are lost. */
  force?: boolean;
}

/**
 * Restores all streams of a backup. If there are other sites, messages of this site that they have beyond the backup
 * are recovered as well, before the streams accept writes.
 * @returns the manifest, and in `away` the sites that did not answer
 * @throws Error, before any change, when the backup is damaged or a stream has messages; or when the broker refuses a
 *   stream or takes too long
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
  const nonEmpty = [...present].filter(([, messages]) => messages > 0).map(([name]) => name);
  if (nonEmpty.length > 0 && !force) {
    const names = nonEmpty.join(', ');
    throw new Error(
      `Nothing was restored, because it would delete the messages of ${names}. Use --force to replace them.`,
    );
  }
  // Marks a new incarnation, so that a view of the earlier stream is not mistaken for one of the restored stream.
  const restored = new Date().toISOString();
  // Delete all old streams first: what they still accept must not cause a message, such as a dead letter, in a new one.
  for (const name of present.keys()) await jsm.streams.delete(name);
  for (const { name, file, snapshot } of backup.streams) {
    const metadata = { ...snapshot.config.metadata, [restoredKey]: restored };
    const wanted = { ...snapshot.config, metadata, num_replicas: config.streamReplicas };
    if (copiedKinds.includes(name) && among.sites.length > 1) wanted.subjects = closedSubjects(name);
    try {
      await putSnapshot(nc, { ...snapshot, config: wanted }, piecesOf(join(folder, file)));
    } catch (error) {
      // NATS 2.15 keeps what it has stored so far; nobody may use that incomplete stream.
      await jsm.streams.delete(name).catch(() => {});
      const message = `${messageOf(error)}. Not all streams were restored: run it again with --force.`;
      throw new Error(message, { cause: error });
    }
  }
  const { away } = sites.length > 1 ? await recover(nc, among) : { away: [] };
  // Creates streams and applies settings that are newer than the backup, and lets the closed streams accept writes.
  await applyStreams(nc, among);
  return { ...backup, away };
}

const usage = `Usage: npm run restore -- DIR [--force]

Restores all streams from a backup. Everything is checked before anything is changed.

  --force   replace streams that have messages, which are then lost`;

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
    console.log(
      `${away.join(', ')} did not answer and may have later messages. When they answer: npm run site -- recover`,
    );
  }
}

if (import.meta.main) await runProgram(main);
