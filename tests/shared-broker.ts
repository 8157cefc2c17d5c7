/**
 * One broker for all test files of a run, with an account for each system that isolates its streams, subjects and
 * services like a broker of its own. vitest.config.ts starts it.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startBroker } from '../deploy/broker.ts';
import { temporaryFolder } from './folder.ts';

/** Environment variable that passes the broker to the workers. */
const variable = 'MARQUEE_TEST_BROKER';
const accounts = Array.from({ length: 500 }, (_, index) => `t${index + 1}`);

interface SharedBroker {
  url: string;
  folder: string;
}

/** Starts the broker before the first test file. @returns a function that stops it after the last */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  // Another vitest project of this run has started it.
  if (process.env[variable]) return undefined;
  const folder = temporaryFolder();
  const lines = accounts.map((name) => `${name} { jetstream: enabled, users [{ user: ${name}, password: ${name} }] }`);
  const storeDir = join(folder.path, 'nats');
  const broker = await startBroker({ port: 0, storeDir, configuration: `accounts {\n${lines.join('\n')}\n}` });
  process.env[variable] = JSON.stringify({ url: broker.url, folder: folder.path } satisfies SharedBroker);
  let running = true;
  // In case the run is aborted.
  process.once('exit', () => running && process.kill(broker.pid, 'SIGKILL'));
  return async () => {
    running = false;
    await broker.kill();
    folder[Symbol.dispose]();
  };
}

/** Returns the broker of this run; undefined outside vitest. */
export function sharedBroker(): SharedBroker | undefined {
  const text = process.env[variable];
  return text ? (JSON.parse(text) as SharedBroker) : undefined;
}

/** Reserves an account that no other system of this run uses. Returns its name, which is also its user and password. */
export function takeAccount({ folder }: SharedBroker): string {
  const free = accounts.find((name) => {
    try {
      mkdirSync(join(folder, name));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  });
  if (!free) throw new Error(`all ${accounts.length} accounts of the shared broker are taken`);
  return free;
}
