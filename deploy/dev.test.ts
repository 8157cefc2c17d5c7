/** `npm run dev` in a folder with a program that reports its start. */
import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../tests/folder.ts';
import { Program } from '../tests/process.ts';
import { until } from '../tests/until.ts';

const dev = resolve(import.meta.dirname, 'dev.ts');

test('restarts on each change of a source, even if the file was replaced or the program had failed', async () => {
  using folder = temporaryFolder();
  const at = (path: string): string => join(folder.path, path);
  for (const path of ['deploy', 'services/web/style']) mkdirSync(at(path), { recursive: true });
  writeFileSync(at('deploy/jsx.ts'), '');
  const program = "console.log('started'); setInterval(() => {}, 60_000);\n";
  writeFileSync(at('deploy/start.ts'), program);
  writeFileSync(at('services/a.ts'), '');
  writeFileSync(at('services/web/style/a.css'), '');
  await using running = new Program(spawn(process.execPath, [dev], { cwd: folder.path, stdio: 'pipe' }));
  const starts = (count: number, change: () => void) => {
    change();
    return until(() => running.stdout.split('started').length === count + 1, `start ${count}`);
  };
  await starts(1, () => {});
  await starts(2, () => appendFileSync(at('services/a.ts'), '//\n'));
  const replace = (): void => {
    writeFileSync(at('services/.a.ts.swp'), '// new\n');
    renameSync(at('services/.a.ts.swp'), at('services/a.ts'));
  };
  await starts(3, replace);
  await starts(4, () => appendFileSync(at('services/a.ts'), '//\n'));
  await starts(5, () => appendFileSync(at('services/web/style/a.css'), '/* */\n'));
  await starts(6, () => mkdirSync(at('services/new')));
  await starts(7, () => writeFileSync(at('services/new/b.ts'), ''));
  writeFileSync(at('deploy/start.ts'), 'const x = ;');
  await running.prints(/start.ts changed: restarting\nMarquee has exited/);
  await starts(8, () => writeFileSync(at('deploy/start.ts'), program));
  expect(running.stdout).not.toContain('.swp');
  expect(await running.signal('SIGINT')).toBe(0);
});
