/** Runs the services named on the command line, or all of them, in this process. */

import { readArguments, runProgram } from '../shared/process/command-line.ts';
import { readConfig } from '../shared/process/config.ts';
import { takeReplicaFolder } from '../shared/process/lock.ts';
import { stopSignal } from '../shared/process/signals.ts';
import { services } from './index.ts';
import { startServices } from './start.ts';

// From the beginning: a signal that comes as soon as it listens, or before, must not end it in the middle of work.
const stopped = stopSignal();
await runProgram(async () => {
  const usage = `Usage: node services/main.ts [SERVICE …]

Runs the services of those names, or all of them, in this process: ${services.map(({ name }) => name).join(', ')}.`;
  const { positionals: names } = readArguments({ usage, positionals: { min: 0, max: services.length } });
  const config = readConfig(process.env);
  using folder = config.replicaFolders ? takeReplicaFolder(config.dataDir) : undefined;
  if (folder) config.dataDir = folder.path;
  await using running = await startServices(config, names);
  // What cannot get ready ends the process, with the reason.
  await Promise.race([stopped, running.ready.then(() => stopped)]);
});
