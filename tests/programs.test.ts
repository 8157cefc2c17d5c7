/** Programs check their arguments before they do anything; shared/process/command-line.test.ts tests the parser. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'vitest';
import { startProgram } from './harness.ts';

const programs = ['deploy/restore', 'deploy/snapshot-view', 'deploy/token', 'streams/apply', 'services/main'];

for (const program of [...programs, 'deploy/start', 'bench/main']) {
  test.concurrent(`${program} refuses an unknown argument and lists the valid ones`, async () => {
    await using unknown = startProgram(`${program}.ts`, ['--nonsense'], {});
    assert.equal(await unknown.ended, 2);
    assert.equal(unknown.stdout, '');
    assert.match(unknown.stderr, /--nonsense.*\n\nUsage: /);
  });
}

test.concurrent('npm start reports a DATA_DIR that is not a folder', async () => {
  const file = join(import.meta.dirname, '../package.json');
  await using start = startProgram('deploy/start.ts', [], { DATA_DIR: file });
  assert.equal(await start.ended, 1);
  assert.match(start.stderr, /^DATA_DIR=.*package\.json is not a writable folder: /);
});

test.concurrent('an empty LOG_LEVEL counts as unset, also where the default is not info', async () => {
  await using seed = startProgram('seed/main.ts', [], { LOG_LEVEL: '', NATS_PORT: '1', REQUEST_TIMEOUT_MS: '100' });
  assert.equal(await seed.ended, 2);
  assert.deepEqual([seed.stdout, seed.stderr.split(':')[1]], ['', ' no broker answers at nats']);
});

test.concurrent('npm run token refuses missing or invalid options', async () => {
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
  test(`${program} --help prints its usage and exits with 0`, async () => {
    await using help = startProgram(`${program}.ts`, ['--help'], {});
    assert.equal(await help.ended, 0);
    assert.match(help.stdout, /^Usage: /);
    assert.equal(help.stderr, '');
  });
}

test('a program exits when its work is done, whatever it left open; an error prints its message, a bug its stack', () => {
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
