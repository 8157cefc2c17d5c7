/** Runs measured processes: their output, and their processor time and memory from /proc. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface ProcessOptions {
  name: string;
  command: string;
  args: string[];
  env?: Record<string, string>;
  cwd?: string;
}

const clockTicksPerSecond = 100;

/** A measured process, which is stopped when disposed. */
export class Measured implements AsyncDisposable {
  readonly name: string;
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  output = '';
  #listeners = new Set<() => void>();

  constructor({ name, command, args, env, cwd }: ProcessOptions) {
    this.name = name;
    this.child = spawn(command, args, {
      ...(cwd ? { cwd } : {}),
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        // Keep only the last output.
        this.output = (this.output + text).slice(-20_000);
        for (const listener of this.#listeners) listener();
      });
    }
    this.ended = once(this.child, 'close');
    void this.ended.then(() => {
      for (const listener of this.#listeners) listener();
    });
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** Waits for output that matches. @throws Error with the output when the process exits first */
  async prints(pattern: RegExp, withinMs = 60_000): Promise<RegExpExecArray> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const match = pattern.exec(this.output);
      if (match) return match;
      if (this.child.exitCode !== null || this.child.signalCode !== null || Date.now() > deadline) {
        throw new Error(`${this.name} did not print ${pattern}:\n${this.output.slice(-2000)}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, 500);
        const listeners = this.#listeners;
        function done(): void {
          clearTimeout(timer);
          listeners.delete(done);
          resolve();
        }
        listeners.add(done);
      });
    }
  }

  /** Writes a line to its standard input and returns the JSON line with which it answers. */
  async ask<T>(line: string, withinMs = 600_000): Promise<T> {
    this.output = '';
    this.child.stdin?.write(`${line}\n`);
    const [, json] = await this.prints(/^(\{.*\})\n/m, withinMs);
    return JSON.parse(json as string) as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.ended;
  }
}

/** Returns the processor time that a process has used in user and system mode, in seconds. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / clockTicksPerSecond;
}

/** Returns the current and the peak resident memory of a process in MB. */
export function memoryMb(pid: number): { now: number; peak: number; own: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kb = (field: string): number => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
  // Pages mapped from files (the program, SQLite's pages) can be dropped at any time; `own` pages cannot.
  return { now: kb('VmRSS') / 1024, peak: kb('VmHWM') / 1024, own: kb('RssAnon') / 1024 };
}

/** Returns the size of all files in a folder in MB. */
export function folderMb(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0) / 2 ** 20;
}
