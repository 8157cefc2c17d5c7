/**
 * `npm run compile [-- OUTPUT]`: builds one executable with Deno's runtime and all services, which takes service names
 * as services/main.ts does. Deno downloads the runtime (`denort`) once, or uses the file in DENORT_BIN.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readArguments } from '../shared/process/command-line.ts';
import { buildAll } from './build.ts';

const root = resolve(import.meta.dirname, '..');
const usage = 'Usage: npm run compile -- [OUTPUT]\n\nBuilds one executable with all services (default: ./marquee).';
const [name = join(root, 'marquee')] = readArguments({ usage, positionals: { min: 0, max: 1 } }).positionals;
const output = resolve(name);
const [deno = 'deno'] = globSync('node_modules/@deno/*/deno', { cwd: root }).map((file) => join(root, file));

// The staging folder holds only the bundle and its native package: in the project's own folder Deno would include all
// of node_modules.
const stage = mkdtempSync(join(tmpdir(), 'marquee-compile-'));
try {
  await buildAll(join(stage, 'dist'));
  const native = 'node_modules/better-sqlite3';
  for (const part of ['package.json', 'LICENSE', 'lib', `prebuilds/${process.platform}-${process.arch}.node`]) {
    cpSync(join(root, native, part), join(stage, native, part), { recursive: true });
  }
  cpSync(join(root, 'deno.json'), join(stage, 'deno.json'));
  const { status } = spawnSync(
    deno,
    [
      ...['compile', '--quiet', '--no-check', '--no-lock', '--config', 'deno.json'],
      // Extracted to disk at the first start, because a native package cannot be loaded from inside the executable.
      ...['--self-extracting', '--include', 'dist', '--include', native],
      // Unrestricted, because the data folder and the folder to extract to are only known on the host.
      ...['--allow-env', '--allow-net', '--allow-read', '--allow-write', '--allow-ffi'],
      '--allow-sys=hostname,cpus,networkInterfaces,systemMemoryInfo,statfs,uid',
      ...['--output', output, 'dist/services/main.js'],
    ],
    { cwd: stage, stdio: 'inherit' },
  );
  process.exitCode = status ?? 1;
} finally {
  rmSync(stage, { recursive: true });
}
