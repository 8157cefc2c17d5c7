/**
 * One broker for all test files of a run, with an account of its own for each system: its streams, subjects and
 * services are as far from those of others as on another broker. vitest.config.ts starts it.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startBroker } from '../deploy/broker.ts';
import { temporaryFolder } from './folder.ts';

/** Tells the workers where it is. */
const variable = 'MARQUEE_TEST_BROKER';
const accounts = Array.from({ length: 500 }, (_, index) => `t${index + 1}`);

interface SharedBroker {
  url: string;
  folder: string;
}

/** Starts the broker before the first test file. @returns what ends it behind the last. */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  // Another project of this run has started it.
  if (process.env[variable]) return undefined;
  const folder = temporaryFolder();
  const lines = accounts.map((name) => `${name} { jetstream: enabled, users [{ user: ${name}, password: ${name} }] }`);
  const storeDir = join(folder.path, 'nats');
  const broker = await startBroker({ port: 0, storeDir, configuration: `accounts {\n${lines.join('\n')}\n}` });
  process.env[variable] = JSON.stringify({ url: broker.url, folder: folder.path } satisfies SharedBroker);
  let running = true;
  // When the run is broken off.
  process.once('exit', () => running && process.kill(broker.pid, 'SIGKILL'));
  return async () => {
    running = false;
    await broker.kill();
    folder[Symbol.dispose]();
  };
}

/** The broker of this run; undefined outside of vitest. */
export function sharedBroker(): SharedBroker | undefined {
  const text = process.env[variable];
  return text ? (JSON.parse(text) as SharedBroker) : undefined;
}

/** Takes an account that no other system of this run has: its name, which is its user and password too. */
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
