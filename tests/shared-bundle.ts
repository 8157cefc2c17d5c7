/**
 * One bundle for all processes that tests start on Node, like that of `npm start` and the image: loading drizzle from
 * node_modules costs each process a second of processor time. vitest.config.ts and chaos build it.
 */
import { existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildAll } from '../deploy/build.ts';

const root = resolve(import.meta.dirname, '..');
/** Environment variable that passes the bundle's folder to the workers. */
const variable = 'MARQUEE_TEST_BUNDLE';

/** Builds the bundle. @returns a function that removes it */
export default async function setup(): Promise<(() => void) | undefined> {
  // Another vitest project of this run has built it.
  if (process.env[variable]) return undefined;
  // Below the repository's root, so that the native package is found in node_modules.
  const folder = join(root, '.cache', `bundle-${process.pid}`);
  await buildAll(folder);
  process.env[variable] = folder;
  // All processes share compiled code, as in the image.
  process.env.NODE_COMPILE_CACHE = join(folder, 'compiled');
  return () => rmSync(folder, { recursive: true, force: true });
}

/** Returns the bundle's folder. @throws Error outside vitest */
export function bundle(): string {
  const folder = process.env[variable];
  if (!folder) throw new Error('no bundle was built: run the test with vitest');
  return folder;
}

/** Returns the file that runs a script on Node: its bundle, or the source if it is not bundled. */
export function bundled(script: string): string {
  const file = join(process.env[variable] ?? '', script.replace(/\.ts$/, '.js'));
  return process.env[variable] && existsSync(file) ? file : script;
}
