/** A system with a synthetic catalogue for the HTTP jobs. */
import { join } from 'node:path';
import { denoBinary } from '../../tests/process.ts';
import type { Context } from './job.ts';
import { moviesCsv } from './movies-data.ts';
import { Measured } from './process.ts';
import { BenchSystem, type Runtime } from './system.ts';

/** Movies of the HTTP jobs: enough that successive answers differ, few enough to be seeded in a second. */
export const httpMovies = 1000;

/** Starts a system in a folder of its own. */
export function startSystem(
  context: Context,
  name: string,
  sync: 'always' | 'default' = 'always',
): Promise<BenchSystem> {
  return BenchSystem.start(join(context.folder, name), context.dist, sync);
}

/** Seeds synthetic movies through the movies service, which must be running. */
export async function seedMovies(system: BenchSystem, context: Context, count = httpMovies): Promise<void> {
  const seed = system.seed(moviesCsv(context.dataFolder, count));
  await seed.prints(/rows read.*\n/, 1_200_000);
  await seed.ended;
  if (seed.child.exitCode !== 0) throw new Error(`the seed failed:\n${seed.output}`);
}

/** Starts a bare Hono server that answers every request with `size` bytes of JSON. */
export async function startConstant(
  size: number,
  runtime: Runtime = 'node',
): Promise<{ process: Measured; url: string }> {
  const script = join(import.meta.dirname, '../servers/constant.ts');
  const command = runtime === 'deno' ? denoBinary() : process.execPath;
  const args = runtime === 'deno' ? ['run', '-A', script] : [script];
  const started = new Measured({ name: 'constant', command, args, env: { SIZE: String(size) } });
  const [, url] = await started.prints(/listening on (\S+)/);
  return { process: started, url: url as string };
}

/** Returns the length of a response in bytes. @throws Error when its status is not 200 */
export async function sizeOf(url: string): Promise<number> {
  const response = await fetch(url);
  const bytes = (await response.arrayBuffer()).byteLength;
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
  return bytes;
}
