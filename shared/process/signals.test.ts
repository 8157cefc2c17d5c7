import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { test } from 'vitest';
import { Program } from '../../tests/process.ts';

/** A process whose thread is in the middle of a call that nothing breaks off, as one to a slow disk is. */
const hanging = `
  import { Worker } from 'node:worker_threads';
  import { stopSignal } from './shared/process/signals.ts';
  const stopped = stopSignal(300);
  const call = \`
    import { readSync } from 'node:fs';
    import { parentPort } from 'node:worker_threads';
    parentPort.postMessage('it begins');
    readSync(0, Buffer.alloc(1));
  \`;
  new Worker(call, { eval: true }).once('message', () => console.log('hangs'));
  await stopped;
`;

test('a process whose thread hangs ends in time all the same, and says so', async () => {
  const args = ['--input-type=module', '-e', hanging];
  const cwd = resolve(import.meta.dirname, '../..');
  await using program = new Program(spawn(process.execPath, args, { cwd, stdio: 'pipe' }));
  await program.prints(/hangs/);
  program.child.kill('SIGTERM');
  const [, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((done) => {
    program.child.once('exit', (...how) => done(how));
  });
  assert.equal(signal, 'SIGKILL');
  assert.match(program.stderr, /stopping took more than 0\.3 s/);
});
