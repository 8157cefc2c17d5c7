/**
 * One bundle for all processes that the tests start on Node, as `npm start` and the image run: loading drizzle from
 * node_modules costs each process a second of processor time. vitest.config.ts makes it, and so does chaos.
 */
import { existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildAll } from '../deploy/build.ts';

const root = resolve(import.meta.dirname, '..');
/** Tells the workers where it is. */
const variable = 'MARQUEE_TEST_BUNDLE';

/** Makes the bundle. @returns what removes it. */
export default async function setup(): Promise<(() => void) | undefined> {
  // Another project of this run has made it.
  if (process.env[variable]) return undefined;
  // Below the root, where its native package is found.
  const folder = join(root, '.cache', `bundle-${process.pid}`);
  await buildAll(folder);
  process.env[variable] = folder;
  // What one process of the run has compiled, all others take from here, as in the image.
  process.env.NODE_COMPILE_CACHE = join(folder, 'compiled');
  return () => rmSync(folder, { recursive: true, force: true });
}

/** Its folder. @throws Error outside of vitest. */
export function bundle(): string {
  const folder = process.env[variable];
  if (!folder) throw new Error('there is no bundle');
  return folder;
}

/** What runs a script of the repository on Node: its bundle, or the source where there is none. */
export function bundled(script: string): string {
  const file = join(process.env[variable] ?? '', script.replace(/\.ts$/, '.js'));
  return process.env[variable] && existsSync(file) ? file : script;
}
