/** Programs read their arguments before they do anything. How, is in shared/process/command-line.test.ts. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'vitest';
import { startProgram } from './harness.ts';

const programs = ['deploy/restore', 'deploy/snapshot-view', 'deploy/token', 'streams/apply', 'services/main'];

for (const program of [...programs, 'deploy/start', 'bench/main']) {
  test.concurrent(`${program} refuses what it does not know, and says what there is`, async () => {
    await using unknown = startProgram(`${program}.ts`, ['--nonsense'], {});
    assert.equal(await unknown.ended, 2);
    assert.equal(unknown.stdout, '');
    assert.match(unknown.stderr, /--nonsense.*\n\nUsage: /);
  });
}

test.concurrent('npm start says of DATA_DIR where it is no folder', async () => {
  const file = join(import.meta.dirname, '../package.json');
  await using start = startProgram('deploy/start.ts', [], { DATA_DIR: file });
  assert.equal(await start.ended, 1);
  assert.match(start.stderr, /^DATA_DIR=.*package\.json is not a writable folder: /);
});

test.concurrent('a token is made for what is said only', async () => {
  const wrong = { '--user': [], '--expires soon': ['--expires', 'soon'], '--url x': ['--login', '--url', 'x'] };
  const others = Object.entries(wrong).map(async ([named, args]) => {
    const user = named === '--user' ? [] : ['--user', 'ann'];
    await using program = startProgram('deploy/token.ts', [...user, ...args], { JWT_SECRET: 'x'.repeat(32) });
    assert.deepEqual([await program.ended, program.stdout], [named === '--user' ? 2 : 1, '']);
    assert.match(program.stderr, new RegExp(`^${named}`));
  });
  await Promise.all(others);
});

for (const program of ['services/main', 'seed/main']) {
  test(`${program} prints with --help what there is, and ends well`, async () => {
    await using help = startProgram(`${program}.ts`, ['--help'], {});
    assert.equal(await help.ended, 0);
    assert.match(help.stdout, /^Usage: /);
    assert.equal(help.stderr, '');
  });
}

test('a program ends when its work is done, whatever it has left open, with a sentence or the place of a mistake', () => {
  const module = JSON.stringify(join(import.meta.dirname, '../shared/process/command-line.ts'));
  const work = "const { createServer } = await import('node:net'); createServer().listen(0);";
  const outcomes = [
    ['', 0, /^$/],
    ["throw new Error('no');", 1, /^no\n$/],
    ['undefined.none();', 1, /TypeError: .*\n +at file:/],
  ] as const;
  for (const [outcome, status, said] of outcomes) {
    const script = `import { runProgram } from ${module}; await runProgram(async () => { ${work} ${outcome} });`;
    const ended = spawnSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 30_000 });
    assert.equal(ended.status, status, String(ended.stderr));
    assert.match(String(ended.stderr), said);
  }
});
