/** Runs the services named on the command line, or all of them, in this process. */

import { messageOf } from '../shared/operations/errors.ts';
import { readConfig } from '../shared/process/config.ts';
import { takeReplicaFolder } from '../shared/process/lock.ts';
import { stopSignal } from '../shared/process/signals.ts';
import { startServices } from './start.ts';

// From the beginning: a signal that comes as soon as it listens, or before, must not end it in the middle of work.
const stopped = stopSignal();
try {
  const config = readConfig(process.env);
  using folder = config.replicaFolders ? takeReplicaFolder(config.dataDir) : undefined;
  if (folder) config.dataDir = folder.path;
  await using running = await startServices(config, process.argv.slice(2));
  // What cannot get ready ends the process, with the reason.
  await Promise.race([stopped, running.ready.then(() => stopped)]);
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
