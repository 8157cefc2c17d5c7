/** `npm run streams`: creates the streams that are missing and updates those whose configuration changed. Safe to run again. */
import { pathToFileURL } from 'node:url';
import { readConfig } from '../shared/config.ts';
import { Connection } from '../shared/connection.ts';
import { createLogger } from '../shared/log.ts';
import { applyStreams } from './all.ts';

export { type Applied, applyStreams, streams } from './all.ts';

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const config = readConfig(process.env);
  const log = createLogger('streams', config.logLevel);
  await using connection = new Connection(config, 'streams', log);
  const { nc } = await connection.first;
  log.info(await applyStreams(nc, config), 'streams applied');
}
