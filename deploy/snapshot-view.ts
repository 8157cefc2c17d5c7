/** `npm run snapshot -- SERVICE`: makes a snapshot of a service's view by hand. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { backingServices } from '../services/index.ts';
import { Connection } from '../shared/broker/connection.ts';
import { readArguments, runProgram } from '../shared/process/command-line.ts';
import { type Config, readConfig } from '../shared/process/config.ts';
import { createLogger } from '../shared/process/log.ts';
import type { ViewProjections } from '../shared/views/projection.ts';
import { ViewManager } from '../shared/views/view-manager.ts';
import type { FromWorker } from '../shared/views/view-thread.ts';

const names = backingServices.map(({ name }) => name);
const usage = `Usage: npm run snapshot -- SERVICE

Stores a snapshot of a service's view, with which its new replicas begin. Services: ${names.join(', ')}.
It is made here, in DATA_DIR, from the newest snapshot and what came since, or from the beginning of the streams. Services need
not run, so a new version can have its snapshot before it is rolled out.`;

const lookEveryMs = 200;

/** Makes a snapshot, and gives its name. @throws Error when the broker cannot be reached, or the view cannot be kept. */
export async function snapshotView(config: Config, name: string): Promise<string> {
  if (!names.includes(name)) throw new Error(`${name} has no view. There are: ${names.join(', ')}.`);
  // Beside this file as a source, and in the bundle.
  const module = new URL(`../services/${name}/projections${import.meta.url.slice(-3)}`, import.meta.url);
  const { projections: definition } = (await import(module.href)) as { projections: ViewProjections };
  const log = createLogger('snapshot', config.logLevel, config.logFile);
  // Under the name of its service: a message that it cannot take has one dead letter, whoever reads it.
  await using connection = new Connection(config, name, log);
  await connection.within();
  mkdirSync(config.dataDir, { recursive: true });
  const folder = mkdtempSync(join(config.dataDir, 'snapshot-'));
  using _ = { [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
  let failure: string | undefined;
  let problem: string | undefined;
  const tell = (said: FromWorker): void => {
    if (said.kind === 'failed') failure = said.reason;
    if (said.kind === 'state') problem = said.state.streams.find((one) => one.problem !== undefined)?.problem;
  };
  const options = { name, folder, definition, config: { ...config, snapshotEvery: 0 }, connection, log, tell };
  await using manager = new ViewManager(options);
  for (;;) {
    const made = await manager.snapshots.make();
    if (made !== undefined) return made;
    const reason = failure ?? problem;
    if (reason !== undefined) throw new Error(reason);
    await pause(lookEveryMs);
  }
}

if (import.meta.main) {
  await runProgram(async () => {
    const [name = ''] = readArguments({ usage, positionals: { min: 1, max: 1 } }).positionals;
    console.log(`stored ${await snapshotView(readConfig(process.env), name)}`);
  });
}
