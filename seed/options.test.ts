import assert from 'node:assert/strict';
import { test, vi } from 'vitest';
import { refusalOf } from '../tests/refusal.ts';
import { readOptions } from './options.ts';

test('refuses invalid arguments with the reason', () => {
  for (const [reason, ...args] of [
    [/--max must be 1 or more/, '--max', '0'],
    [/--max must be 1 or more/, '--max', 'many'],
    [/--max is given twice/, '--max', '1', '--max', '2'],
    [/--csv/, '--csv'],
    [/--fast/, '--fast'],
    [/file\.csv/, 'file.csv'],
    [/--replace and --fill cannot be used together/, '--replace', '--fill'],
    [/--replace and --keep-ids cannot be used together/, '--replace', '--keep-ids'],
    [/colour/, '--map', 'colour=x'],
    [/klingon/, '--encoding', 'klingon'],
  ] as [RegExp, ...string[]][]) {
    assert.match(
      refusalOf(() => readOptions(args)),
      reason,
      args.join(' '),
    );
  }
});

test('reads the options', () => {
  const { ids, max, encoding, fill } = readOptions(['--keep-ids', '--fill', '--max=7', '--encoding', 'latin1']);
  assert.deepEqual({ ids, max, encoding, fill }, { ids: 'keep', max: 7, encoding: 'windows-1252', fill: true });
  assert.equal(readOptions(['--replace']).ids, 'replace');
  assert.equal(readOptions([]).ids, 'free');
  vi.stubEnv('SEED_CSV', 'none');
  assert.match(readOptions([]).csv, /movies\.csv$/, 'none is not a file name');
  vi.unstubAllEnvs();
});
