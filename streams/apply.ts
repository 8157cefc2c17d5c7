/** `npm run streams`: creates the streams that are missing and updates those whose configuration changed. Safe to run again. */
import { pathToFileURL } from 'node:url';
import { Connection } from '../shared/broker/connection.ts';
import { readConfig } from '../shared/process/config.ts';
import { createLogger } from '../shared/process/log.ts';
import { applyStreams } from './all.ts';

export { type Applied, applyStreams, streams } from './all.ts';

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const config = readConfig(process.env);
  const log = createLogger('streams', config.logLevel);
  await using connection = new Connection(config, 'streams', log);
  const { nc } = await connection.first;
  log.info(await applyStreams(nc, config), 'streams applied');
}
