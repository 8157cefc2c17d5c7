/** Runs the services named on the command line, or all of them, in this process. */
import { readArguments, runProgram } from '../shared/process/command-line.ts';
import { readConfig } from '../shared/process/config.ts';
import { takeReplicaFolder } from '../shared/process/lock.ts';
import { stopSignal } from '../shared/process/signals.ts';
import { services } from './index.ts';
import { startServices } from './start.ts';

// Installed before anything starts, so that an early signal still causes an orderly shutdown.
const stopped = stopSignal();
await runProgram(async () => {
  const usage = `Usage: node services/main.ts [SERVICE …]

Runs the named services, or all of them, in this process: ${services.map(({ name }) => name).join(', ')}.`;
  const { positionals: names } = readArguments({ usage, positionals: { min: 0, max: services.length } });
  const config = readConfig(process.env);
  using folder = config.replicaFolders ? takeReplicaFolder(config.dataDir) : undefined;
  if (folder) config.dataDir = folder.path;
  await using running = await startServices(config, names);
  // If a service fails to become ready, its error ends the process.
  await Promise.race([stopped, running.ready.then(() => stopped)]);
});
