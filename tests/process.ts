/** Runs programs of this repository as processes, on Node or on Deno. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundled } from './shared-bundle.ts';
import { until } from './until.ts';

export type Runtime = 'node' | 'deno';
/** Runtime of the tests themselves. */
export const ownRuntime: Runtime = 'deno' in process.versions ? 'deno' : 'node';
/** Runtimes to test services on. Under Deno there may be no Node, so all programs run on Deno. */
export const runtimes: readonly Runtime[] = ownRuntime === 'deno' ? ['deno'] : ['node', 'deno'];

const root = resolve(import.meta.dirname, '..');

/** Environment variables that configure Marquee, and must not reach a tested program from the shell. */
const ownVariables =
  /^(NATS_|MAX_MOVIES|DATA_DIR|HOST$|SITE$|LOG_LEVEL|REQUEST_TIMEOUT_MS|STREAM_REPLICAS|OPEN_ACCESS|NODE_TEST|.*_PORT$)/;

/** The environment of this process without the variables that configure Marquee. */
export function cleanEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ownVariables.test(name)));
}

/** A running program, which is killed when it is disposed. */
export class Program implements AsyncDisposable {
  readonly child: ChildProcess;
  /** Output so far. */
  stdout = '';
  stderr = '';
  /** Resolves with the exit status, or the signal that ended the program. */
  readonly ended: Promise<number | NodeJS.Signals>;

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    // `close` is emitted after the last output, unlike `exit`.
    this.ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Sends a signal and waits for the exit, except after SIGSTOP and SIGCONT. */
  async signal(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | undefined> {
    this.child.kill(signal);
    return signal === 'SIGSTOP' || signal === 'SIGCONT' ? undefined : this.ended;
  }

  /** Waits for output that matches, and returns it. @throws Error with the output when the program exits first */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    let over = false;
    void this.ended.then(() => {
      over = true;
    });
    const { match } = await until(() => {
      const match = pattern.exec(this.stdout);
      if (match || over) return { match };
      throw new Error(`output so far:\n${this.#lastOutput()}`);
    }, `output like ${pattern}`);
    if (!match) throw new Error(`the program exited without output like ${pattern}:\n${this.#lastOutput()}`);
    return match;
  }

  #lastOutput(): string {
    return `${this.stdout.slice(-2000)}\n${this.stderr.slice(-2000)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.running) this.child.kill('SIGKILL');
    await this.ended;
  }
}

/** Returns the path of the project's Deno. @throws Error when there is none for this platform */
export function denoBinary(): string {
  if (ownRuntime === 'deno') return process.execPath;
  const [binary] = globSync('node_modules/@deno/*/deno', { cwd: root });
  if (!binary) throw new Error('npm has installed no Deno for this platform');
  return join(root, binary);
}

/** Returns the command that runs a script like the Deno task for it in deno.json, with another data folder. */
export function denoCommand(script: string, env: Record<string, string>): { command: string; args: string[] } {
  const dataDir = resolve(root, env.DATA_DIR ?? 'data');
  const read = [root, dataDir, ...(env.NATS_TLS_CA ? [env.NATS_TLS_CA] : [])];
  const { tasks } = JSON.parse(readFileSync(join(root, 'deno.json'), 'utf8')) as { tasks: Record<string, string> };
  const [set = '-P'] = /-P\S*/.exec(Object.values(tasks).find((task) => task.endsWith(script)) ?? '') ?? [];
  const permissions = [set, `--allow-read=${read.join()}`, `--allow-write=${dataDir}`];
  const offline = ['--no-prompt', '--no-lock', '--cached-only'];
  return {
    command: denoBinary(),
    args: ['run', '--quiet', '--config', join(root, 'deno.json'), ...offline, ...permissions, join(root, script)],
  };
}

/** Starts a script of the repository, such as `services/main.ts`, with no standard input or one to write to. */
export function startProgram(
  script: string,
  args: string[],
  env: Record<string, string>,
  runtime: Runtime = ownRuntime,
  stdin: 'ignore' | 'pipe' = 'ignore',
): Program {
  const { command, args: before } =
    runtime === 'deno' || ownRuntime === 'deno'
      ? denoCommand(script, env)
      : { command: process.execPath, args: [bundled(script)] };
  const child = spawn(command, [...before, ...args], {
    cwd: root,
    env: { ...cleanEnvironment(), ...env },
    stdio: [stdin, 'pipe', 'pipe'],
  });
  return new Program(child);
}
