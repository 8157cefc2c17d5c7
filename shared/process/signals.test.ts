import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { test } from 'vitest';
import { Program } from '../../tests/process.ts';

/** A program with a worker thread blocked in a system call that cannot be interrupted, like a read from a slow disk. */
const hanging = `
  import { Worker } from 'node:worker_threads';
  import { stopSignal } from './shared/process/signals.ts';
  const stopped = stopSignal(300);
  const call = \`
    import { readSync } from 'node:fs';
    import { parentPort } from 'node:worker_threads';
    parentPort.postMessage('blocking');
    readSync(0, Buffer.alloc(1));
  \`;
  new Worker(call, { eval: true }).once('message', () => console.log('blocked'));
  await stopped;
`;

test('kills the process, and says so, when a blocked thread keeps it from exiting', async () => {
  const args = ['--input-type=module', '-e', hanging];
  const cwd = resolve(import.meta.dirname, '../..');
  await using program = new Program(spawn(process.execPath, args, { cwd, stdio: 'pipe' }));
  await program.prints(/blocked/);
  program.child.kill('SIGTERM');
  const [, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((done) => {
    program.child.once('exit', (...how) => done(how));
  });
  assert.equal(signal, 'SIGKILL');
  assert.match(program.stderr, /shutdown took more than 0\.3 s/);
});
