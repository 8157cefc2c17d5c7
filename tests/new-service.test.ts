/** `npm run new -- service NAME` in a copy of the repository creates valid files, and their tests pass. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'vitest';
import { temporaryFolder } from './harness.ts';

const root = resolve(import.meta.dirname, '..');

function copyOfRepository(folder: string): void {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root });
  for (const file of listed.toString().split('\n')) {
    if (!file || /^(bench\/(results|plots)|docs\/decisions)\//.test(file) || !existsSync(join(root, file))) continue;
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(root, file), join(folder, file));
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
}

test('a new service passes types and format, is in every list, and answers', { timeout: 600_000 }, async () => {
  using folder = temporaryFolder();
  copyOfRepository(folder.path);
  const run = async (command: string, ...args: string[]): Promise<string> => {
    const path = `${join(folder.path, 'node_modules/.bin')}:${process.env.PATH}`;
    const env = { ...process.env, PATH: path, NO_COLOR: '1' };
    try {
      return (await promisify(execFile)(command, args, { cwd: folder.path, env })).stdout;
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      throw new Error(`${command} ${args.join(' ')}:\n${stdout}\n${stderr}`);
    }
  };
  const made = await run('node', 'deploy/new.ts', 'service', 'late-shows');
  assert.match(made, /^Created services\/late-shows on port 8086/);
  assert.match(readFileSync(join(folder.path, 'deploy/nats/users.conf'), 'utf8'), /nkey: \$NKEY_LATE_SHOWS\n/);
  // Check only the new service and its imports: the rest has not changed and would take as long again.
  const include = ['services/late-shows', 'services/index.ts'];
  writeFileSync(join(folder.path, 'tsconfig.new.json'), JSON.stringify({ extends: './tsconfig.json', include }));
  await Promise.all([
    run('tsc', '-p', 'tsconfig.new.json', '--singleThreaded'),
    run('biome', 'check', 'services/late-shows', 'services/index.ts', 'deploy'),
    run('vitest', 'run', 'services/late-shows', 'services/index.test.ts', 'deploy/write.test.ts'),
    assert.rejects(run('node', 'deploy/new.ts', 'service', 'late-shows'), /already exists/),
  ]);
});
