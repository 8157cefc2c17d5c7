import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'vitest';
import { temporaryFolder } from '../../tests/folder.ts';

test('opening a file does not hang when the working directory was deleted', () => {
  using folder = temporaryFolder();
  const script = `
    import { mkdirSync, rmSync } from 'node:fs';
    import { openDatabase } from ${JSON.stringify(new URL('./database.ts', import.meta.url).href)};
    mkdirSync('gone');
    process.chdir('gone');
    rmSync('../gone', { recursive: true });
    try { openDatabase('data/views/one.sqlite').close(); } catch {}
    console.log('ended');
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: folder.path,
    timeout: 20_000,
    encoding: 'utf8',
  });
  assert.equal(stdout, 'ended\n', stderr);
});
