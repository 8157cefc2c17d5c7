/** `npm run snapshot -- SERVICE`: stores a snapshot of a service's view on demand. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { backingServices } from '../services/index.ts';
import { Connection } from '../shared/broker/connection.ts';
import { readArguments, runProgram } from '../shared/process/command-line.ts';
import { type Config, readConfig } from '../shared/process/config.ts';
import { createLogger } from '../shared/process/log.ts';
import type { ViewProjections } from '../shared/views/projection.ts';
import type { FromWorker } from '../shared/views/view-client.ts';
import { ViewManager } from '../shared/views/view-manager.ts';

const names = backingServices.map(({ name }) => name);
const usage = `Usage: npm run snapshot -- SERVICE

Stores a snapshot of a service's view, from which its new replicas start. Services: ${names.join(', ')}.
It is built in DATA_DIR from the newest snapshot and later events, or from the beginning of the streams. The service need
not run, so a new version can have a snapshot before it is rolled out.`;

const retryMs = 200;

/** Makes a snapshot and returns its name. @throws Error when the broker is unreachable or the view cannot be built */
export async function snapshotView(config: Config, name: string): Promise<string> {
  if (!names.includes(name)) throw new Error(`There is no view ${name}. Services with a view: ${names.join(', ')}.`);
  // The same relative path with .ts among the sources and .js in the bundle.
  const module = new URL(`../services/${name}/projections${import.meta.url.slice(-3)}`, import.meta.url);
  const { projections: definition } = (await import(module.href)) as { projections: ViewProjections };
  const log = createLogger('snapshot', config.logLevel, config.logFile);
  // Connects under the service's name, so that an unreadable message gets one dead letter, whoever reads it.
  await using connection = new Connection(config, name, log);
  await connection.within();
  mkdirSync(config.dataDir, { recursive: true });
  const folder = mkdtempSync(join(config.dataDir, 'snapshot-'));
  using _ = { [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
  let failure: string | undefined;
  let problem: string | undefined;
  const post = (message: FromWorker): void => {
    if (message.kind === 'failed') failure = message.reason;
    if (message.kind === 'state') problem = message.state.streams.find((one) => one.problem !== undefined)?.problem;
  };
  const options = { name, folder, definition, config: { ...config, snapshotEvery: 0 }, connection, log, post };
  await using manager = new ViewManager(options);
  for (;;) {
    const made = await manager.snapshots.make();
    if (made !== undefined) return made;
    const reason = failure ?? problem;
    if (reason !== undefined) throw new Error(reason);
    await pause(retryMs);
  }
}

if (import.meta.main) {
  await runProgram(async () => {
    const [name = ''] = readArguments({ usage, positionals: { min: 1, max: 1 } }).positionals;
    console.log(`stored ${await snapshotView(readConfig(process.env), name)}`);
  });
}
