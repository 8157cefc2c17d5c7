/** `npm run archive`: moves votes that are older than VOTES_KEEP into the archive. Safe to run at any time. */
import { Connection } from '../shared/broker/connection.ts';
import { readArguments, runProgram } from '../shared/process/command-line.ts';
import { readConfig } from '../shared/process/config.ts';
import { createLogger } from '../shared/process/log.ts';
import { archiveOld } from './archiver.ts';
import { allSites } from './site-links.ts';
import { votes } from './votes.ts';

const usage = `Usage: npm run archive

Moves votes that are older than VOTES_KEEP (such as 90d) from the stream ${votes.name} into ARCHIVE, where they need a seventh
of the disk space or less. Nothing else changes: views are built from both. Run it every night, after the backup.`;

async function main(): Promise<void> {
  readArguments({ usage });
  const config = readConfig(process.env);
  const { votesKeep } = config;
  if (votesKeep === undefined) {
    console.log('VOTES_KEEP is not set, so nothing is archived.');
    return;
  }
  await using connection = new Connection(config, 'archive', createLogger('archive', config.logLevel));
  const link = await connection.within();
  const { messages, bytes } = await archiveOld(link, {
    stream: votes.name,
    at: await allSites(link.nc, config),
    before: Date.now() - votesKeep,
  });
  console.log(`${messages} messages of ${votes.name} moved into ${bytes} bytes of ARCHIVE`);
}

await runProgram(main);
