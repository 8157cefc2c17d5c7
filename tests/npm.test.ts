import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'vitest';
import { serviceNames } from '../services/index.ts';
import { portVariable } from '../shared/process/config.ts';
import { temporaryFolder, until } from './harness.ts';
import { cleanEnvironment, Program } from './process.ts';

/** Runs `npm start` as a user does, with npm between the terminal and the process. */
function npmStart(dataDir: string): Program {
  const ports = serviceNames.map((name) => [portVariable(name), '0']);
  const env = {
    ...cleanEnvironment(),
    DATA_DIR: dataDir,
    NATS_PORT: '0',
    MAX_MOVIES: '20',
    ...Object.fromEntries(ports),
  };
  // In a process group of its own, as in a terminal.
  const child = spawn('npm', ['start'], {
    cwd: resolve(import.meta.dirname, '..'),
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Program(child);
}

/** Returns the processes with a text in their environment. */
function processesWith(text: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(text);
    } catch {
      return false;
    }
  });
}

for (const [how, send] of [
  ['Ctrl-C, which reaches npm and the process', (pid: number) => process.kill(-pid, 'SIGINT')],
  ['SIGTERM to npm alone', (pid: number) => process.kill(pid, 'SIGTERM')],
] as const) {
  test.concurrent(`npm start and all its processes exit on ${how}`, async () => {
    using folder = temporaryFolder();
    await using npm = npmStart(folder.path);
    await npm.prints(/ready after/);
    assert.ok(processesWith(folder.path).length >= 3, 'npm, the system, the broker');
    send(npm.child.pid as number);
    await npm.ended;
    await until(() => processesWith(folder.path).length === 0, 'every process to be gone');
    assert.match(npm.stdout, /Stopping/);
  });
}
