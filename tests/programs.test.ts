/** Programs read their arguments before they do anything. How, is in shared/process/command-line.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { startProgram } from './harness.ts';

const programs = ['deploy/restore', 'deploy/snapshot-view', 'deploy/token', 'streams/apply', 'services/main'];

for (const program of [...programs, 'deploy/start', 'bench/main']) {
  test(`${program} refuses what it does not know, and says what there is`, async () => {
    await using unknown = startProgram(`${program}.ts`, ['--nonsense'], {});
    assert.equal(await unknown.ended, 1);
    assert.equal(unknown.stdout, '');
    assert.match(unknown.stderr, /--nonsense.*\n\nUsage: /);
  });
}

for (const program of ['services/main', 'seed/main']) {
  test(`${program} prints with --help what there is, and ends well`, async () => {
    await using help = startProgram(`${program}.ts`, ['--help'], {});
    assert.equal(await help.ended, 0);
    assert.match(help.stdout, /^Usage: /);
    assert.equal(help.stderr, '');
  });
}
