import assert from 'node:assert/strict';
import { test } from 'vitest';
import { refusalOf } from '../../tests/refusal.ts';
import { readArguments } from './command-line.ts';

const usage = 'Usage: npm run thing';
const read = (...args: string[]) =>
  readArguments({
    usage,
    options: {
      name: { type: 'string' },
      role: { type: 'string', multiple: true, default: [] },
      fast: { type: 'boolean', default: false },
    },
    positionals: { min: 0, max: 1 },
    args,
  });

test('reads options and arguments', () => {
  const { values, positionals } = read('--name', 'x', 'file', '--role=a', '--role', 'b', '--fast');
  assert.deepEqual({ ...values }, { name: 'x', role: ['a', 'b'], fast: true });
  assert.deepEqual(positionals, ['file']);
});

test('names the argument it refuses, and prints the usage', () => {
  const refused = (reason: RegExp, ...args: string[]): void => {
    const said = refusalOf(() => read(...args));
    assert.match(said, reason);
    assert.ok(said.endsWith(`${usage}\nended with 2`), said);
  };
  refused(/--slow/, '--slow');
  refused(/-x/, '-x');
  refused(/--name/, '--name');
  refused(/--fast/, '--fast=1');
  refused(/--name has no value/, '--name', '');
  refused(/--name is given twice/, '--name', 'a', '--name', 'b');
  refused(/unexpected argument: two three/, 'one', 'two', 'three');
  const none = () => readArguments({ usage, positionals: { min: 1, max: 1 }, args: [] });
  assert.match(refusalOf(none), /missing argument/);
});
