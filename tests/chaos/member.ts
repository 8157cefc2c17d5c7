/** One process of the system under test, which is restarted whenever it exits. */
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Program, startProgram } from '../process.ts';

export interface MemberOptions {
  /** Name, such as `ranking-2`. */
  name: string;
  service: string;
  port: number;
  env: Record<string, string>;
  dataDir: string;
  /** Called when the process exits unexpectedly. */
  onSurprise(member: Member, ended: number | NodeJS.Signals): void;
}

/** Longest time between SIGTERM and the exit of the process. */
const stopLimitMs = 10_000;

/** A service replica, or the gateway, as a process. */
export class Member implements AsyncDisposable {
  readonly name: string;
  readonly service: string;
  readonly url: string;
  readonly dataDir: string;
  readonly #options: MemberOptions;
  #program: Program | undefined;
  #expected = false;
  /** Output of earlier runs. */
  #log = '';

  constructor(options: MemberOptions) {
    this.#options = options;
    this.name = options.name;
    this.service = options.service;
    this.dataDir = options.dataDir;
    this.url = `http://127.0.0.1:${options.port}`;
  }

  get log(): string {
    return this.#log + (this.#program?.stdout ?? '') + (this.#program?.stderr ?? '');
  }

  /** Returns the file of the view that it answers from. */
  get viewFile(): string {
    const folder = join(this.dataDir, 'views');
    const file = readdirSync(folder).find((name) => name.endsWith('.sqlite'));
    if (file === undefined) throw new Error(`${this.name} has no view in ${folder}`);
    return join(folder, file);
  }

  get pid(): number | undefined {
    return this.#program?.child.pid;
  }

  start(): void {
    const program = startProgram('services/main.ts', [this.service], this.#options.env);
    this.#program = program;
    this.#expected = false;
    void program.ended.then((ended) => {
      this.#log += `${program.stdout}${program.stderr}--- exited with ${ended}\n`;
      if (this.#program === program) this.#program = undefined;
      if (!this.#expected) {
        this.#options.onSurprise(this, ended);
        this.start();
      }
    });
  }

  /** Kills the process. */
  async kill(): Promise<void> {
    this.#expected = true;
    await this.#program?.signal('SIGKILL');
  }

  /** Sends SIGTERM. Returns the time until the exit in milliseconds, and the exit status. */
  async stop(): Promise<{ ms: number; ended: number | NodeJS.Signals }> {
    const program = this.#program;
    if (!program) return { ms: 0, ended: 0 };
    this.#expected = true;
    const startedAt = performance.now();
    const timer = setTimeout(() => program.child.kill('SIGKILL'), stopLimitMs * 1.5);
    const ended = (await program.signal('SIGTERM')) ?? 0;
    clearTimeout(timer);
    return { ms: performance.now() - startedAt, ended };
  }

  pause(): void {
    this.#program?.child.kill('SIGSTOP');
  }

  resume(): void {
    this.#program?.child.kill('SIGCONT');
  }

  /** Reads /readyz; undefined without an answer. */
  async readiness(): Promise<{ ready: boolean; streams: { stream: string; sequence: number }[] } | undefined> {
    try {
      const response = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(2000) });
      const { streams } = (await response.json()) as { streams: { stream: string; sequence: number }[] };
      return { ready: response.status === 200, streams };
    } catch {
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.resume();
    await this.kill();
  }
}

/** Each vitest worker has its own range and uses no port twice: a free port may belong to a process that is down. */
const firstPort = 10_000 + 5000 * (Number(process.env.VITEST_POOL_ID ?? 0) % 4);
let nextPort = Math.floor(Math.random() * 5000);

/**
 * Returns a free port below those that the system assigns to port 0, so that a process that restarts after a fault
 * finds its port still free.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = firstPort + (nextPort++ % 5000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
