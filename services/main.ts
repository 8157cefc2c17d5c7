/** Runs the services named on the command line, or all of them, in this process. */
import { readConfig } from '../shared/config.ts';
import { messageOf } from '../shared/errors.ts';
import { stopSignal } from '../shared/signals.ts';
import { startServices } from './start.ts';

try {
  const config = readConfig(process.env);
  await using running = await startServices(config, process.argv.slice(2));
  await stopSignal();
  void running;
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
