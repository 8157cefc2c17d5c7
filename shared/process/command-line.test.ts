import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'vitest';
import { BadArguments, readArguments } from './command-line.ts';

const usage = 'Usage: npm run thing';
const read = (...args: string[]) =>
  readArguments({
    usage,
    options: {
      name: { type: 'string' },
      role: { type: 'string', multiple: true, default: [] },
      fast: { type: 'boolean', default: false },
    },
    positionals: { least: 0, most: 1 },
    args,
  });

test('options and arguments are read', () => {
  const { values, positionals } = read('--name', 'x', 'file', '--role=a', '--role', 'b', '--fast');
  assert.deepEqual({ ...values }, { name: 'x', role: ['a', 'b'], fast: true });
  assert.deepEqual(positionals, ['file']);
});

test('what is not understood is refused by name, with the usage', () => {
  const refused = (reason: RegExp, ...args: string[]) =>
    assert.throws(
      () => read(...args),
      (error: unknown) => error instanceof BadArguments && reason.test(error.message) && error.message.endsWith(usage),
    );
  refused(/--slow/, '--slow');
  refused(/-x/, '-x');
  refused(/--name/, '--name');
  refused(/--fast/, '--fast=1');
  refused(/--name is given twice/, '--name', 'a', '--name', 'b');
  refused(/not understood: two three/, 'one', 'two', 'three');
  assert.throws(() => readArguments({ usage, positionals: { least: 1, most: 1 }, args: [] }), /an argument is missing/);
});

test('every program says with --help what there is, and refuses what it does not know', { timeout: 60_000 }, () => {
  const root = join(import.meta.dirname, '../..');
  for (const program of [
    'deploy/restore',
    'deploy/snapshot-view',
    'deploy/token',
    'streams/apply',
    'services/main',
    'deploy/start',
    'bench/main',
  ]) {
    const run = (argument: string) =>
      spawnSync(process.execPath, [join(root, `${program}.ts`), argument], { cwd: root, encoding: 'utf8' });
    const help = run('--help');
    assert.deepEqual([help.status, help.stderr], [0, ''], program);
    assert.match(help.stdout, /^Usage: /, program);
    const unknown = run('--nonsense');
    assert.equal(unknown.status, 1, program);
    assert.match(unknown.stderr, /--nonsense/, program);
  }
});
