/** `npm run streams`: creates and updates the streams. Safe to run again. */
import { backingServices } from '../services/index.ts';
import { Connection } from '../shared/broker/connection.ts';
import { readArguments, runProgram } from '../shared/process/command-line.ts';
import { readConfig } from '../shared/process/config.ts';
import { createLogger } from '../shared/process/log.ts';
import { hub } from '../shared/process/sites.ts';
import { problemsOf } from '../shared/rpc/statistics.ts';
import { applyStreams } from './all.ts';
import { allSites, announceSites } from './site-links.ts';

export { type Applied, applyStreams, streams } from './all.ts';

const usage = `Usage: npm run streams -- [--new]

Creates missing streams, and updates streams whose configuration has changed. Does nothing if the broker has lost streams
whose data services still show.

  --new   replace lost streams by empty ones`;

async function main(): Promise<void> {
  const { values } = readArguments({ usage, options: { new: { type: 'boolean', default: false } } });
  const config = readConfig(process.env);
  const log = createLogger('streams', config.logLevel);
  await using connection = new Connection(config, 'streams', log);
  const { nc } = await connection.within();
  const names = backingServices.map(({ name }) => name);
  const problems = values.new ? [] : await problemsOf(nc, names);
  if (problems.length > 0) throw new Error(`Nothing was changed.\n${problems.join('\n')}`);
  const at = await allSites(nc, config);
  const applied = await applyStreams(nc, { ...config, ...at }, { accept: values.new });
  if (at.site === hub && at.sites.length > 1) await announceSites(nc, at);
  log.info(applied, 'streams applied');
  if (!values.new && Object.values(applied).includes('created')) {
    log.info(
      'views keep any data that the new streams lack: restore a backup (npm run restore), or accept the streams as they ' +
        'are (npm run streams -- --new)',
    );
  }
}

if (import.meta.main) await runProgram(main);
