/** `npm start`: runs a broker and all services, creates the streams and fills the catalogue, in one terminal. */
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { rejectsFileFor } from '../seed/rejects.ts';
import { runSeed } from '../seed/seed.ts';
import { describe } from '../seed/summary.ts';
import { UnusableFile } from '../seed/unusable-file.ts';
import { startServices } from '../services/start.ts';
import { brokerUrl, Connection } from '../shared/broker/connection.ts';
import type { RunningService } from '../shared/host.ts';
import { programToken } from '../shared/operations/create-token.ts';
import { messageOf } from '../shared/operations/errors.ts';
import { printReason, readArguments } from '../shared/process/command-line.ts';
import { type Config, readConfig } from '../shared/process/config.ts';
import { createLogger } from '../shared/process/log.ts';
import { stopSignal } from '../shared/process/signals.ts';
import { catalogueHome, hub } from '../shared/process/sites.ts';
import { streams } from '../streams/index.ts';
import { announceRemoved } from '../streams/site-links.ts';
import type { BrokerOptions } from './broker.ts';
import { hubLines } from './edge/broker-lines.ts';
import { followSites, openSite } from './edge/open-site.ts';
import { type Register, readRegister, removedOf, sitesHere } from './edge/register.ts';
import { keepBroker } from './kept-broker.ts';

/** The catalogue that ships with the project. */
const seedFile = join(import.meta.dirname, '../seed/movies.csv');

const say = (line: string): void => console.log(line);

/** Returns the addresses, and commands to try that work exactly as printed. */
function greeting(services: RunningService[], nats: string): string {
  const entrance = services.find(({ name }) => name === 'gateway')?.url ?? '';
  const server = nats === 'nats://127.0.0.1:4222' ? '' : ` -s ${nats}`;
  return [
    '',
    'Marquee is running:',
    ...services.map(({ name, url }) => `  ${name.padEnd(18)} ${url}`),
    `  ${'broker'.padEnd(18)} ${nats}`,
    '',
    `Open ${entrance}/ in a browser, or try:`,
    `  curl '${entrance}/movies/1'`,
    `  curl '${entrance}/movies?q=guardins+galxy'`,
    `  curl '${entrance}/movies/genre/comedy?sort=-rating&limit=3'`,
    `  nats${server} req movies.get '{"movieId":1}'`,
    `  nats${server} micro ls`,
    '',
    'Ctrl-C stops everything.',
  ].join('\n');
}

const usage = `Usage: npm start

Starts a broker (or uses the one at NATS_URL) and all services, and fills the catalogue. Ctrl-C stops everything.`;

async function main(): Promise<void> {
  readArguments({ usage });
  const startedAt = performance.now();
  const stopped = stopSignal();
  // The default log level here is warn; that of `node services/main.ts` is info.
  const given = readConfig(process.env, { LOG_LEVEL: 'warn' });
  requireFolder(given.dataDir);
  const hadViews = existsSync(join(given.dataDir, 'views'));
  const edges = readRegister(given.dataDir);
  given.sites = sitesHere(given);
  await using stack = new AsyncDisposableStack();
  const broker = given.nats.url ? undefined : stack.use(await keepBroker(brokerOptions(given, edges)));
  if (broker) given.nats.url = broker.url;
  const ends = [stopped.then(stop), ...(broker ? [broker.lost] : [])];
  const unlessEnded = <T>(promise: Promise<T>): Promise<T> => Promise.race([promise, ...ends]);

  const connection = stack.use(new Connection(given, 'start', createLogger('start', given.logLevel)));
  const { nc } = await unlessEnded(Promise.race([connection.first, connection.refusals.first]));
  // If streams of our own broker are missing, the user has emptied its store: accept new ones in their place.
  const applied = await openSite(nc, given, { accept: broker !== undefined, say });
  if (given.sites.length > 1) {
    await announceRemoved(nc, removedOf(edges));
    stack.use(followSites(nc, given, say));
  }
  const made = streams.map(({ name }) => name).filter((name) => applied[name] === 'created');
  if (broker && hadViews && made.length > 0) {
    const missing = made.length === streams.length ? 'was empty' : `had no ${made.join(', ')}`;
    say(`The broker's store ${missing}: views are rebuilt from new streams.`);
  }
  const running = stack.use(await startServices(given, []));
  await unlessEnded(running.ready);
  // With a new CATALOGUE, seed without asking the view, which may still show the movies of the earlier stream.
  await unlessEnded(seed(given, { onlyIfEmpty: applied.CATALOGUE !== 'created' }));
  say(greeting(running.services, brokerUrl(given.nats)));
  say(`(ready after ${Math.round(performance.now() - startedAt)} ms)`);
  await unlessEnded(new Promise<never>(() => {}));
}

/** Creates the folder if needed. @throws Error when it is not a writable folder */
function requireFolder(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true });
    accessSync(dataDir, constants.W_OK);
  } catch (error) {
    throw new Error(`DATA_DIR=${dataDir} is not a writable folder: ${messageOf(error)}`);
  }
}

const brokerOptions = ({ nats, dataDir }: Config, edges: Register): BrokerOptions => ({
  port: nats.port,
  storeDir: join(dataDir, 'nats'),
  log: say,
  ...(Object.keys(edges).length > 0 ? { domain: hub, configuration: hubLines(edges, nats.leafListen) } : {}),
});

async function seed(config: Config, { onlyIfEmpty }: { onlyIfEmpty: boolean }): Promise<void> {
  // An edge copies the catalogue of the hub.
  if (config.seedCsv === 'none' || catalogueHome(config) !== config.site) return;
  const csv = config.seedCsv ?? seedFile;
  const log = createLogger('seed', config.logLevel);
  await using connection = new Connection(config, 'seed', log);
  const token = await programToken(config);
  const summary = await runSeed({
    csv,
    max: config.maxMovies,
    onlyIfEmpty,
    rejectsFile: rejectsFileFor(csv, config.dataDir),
    connection,
    token,
    say,
  }).catch((error: unknown) => {
    throw error instanceof UnusableFile && config.seedCsv ? new Error(`SEED_CSV: ${error.message}`) : error;
  });
  if (summary.rejected > 0 && csv === seedFile)
    throw new Error(`rows of the shipped catalogue were refused: see ${summary.rejectsFile}`);
  if (config.seedCsv) for (const line of describe(summary)) say(line);
}

class Stopped extends Error {}

function stop(): never {
  say('Stopping …');
  throw new Stopped();
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Stopped)) printReason(error);
}
