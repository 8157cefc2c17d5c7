/** One process of the system under test, which a supervisor starts again whenever it ends. */
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Program, startProgram } from '../process.ts';

export interface MemberOptions {
  /** Such as `ranking-2`. */
  name: string;
  service: string;
  port: number;
  env: Record<string, string>;
  dataDir: string;
  /** Hears of an end that nobody asked for. */
  onSurprise(member: Member, ended: number | NodeJS.Signals): void;
}

/** Longest time between SIGTERM and the end of the process. */
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
  /** All that earlier lives wrote. */
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

  /** The file that it answers from. */
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
      this.#log += `${program.stdout}${program.stderr}--- ended with ${ended}\n`;
      if (this.#program === program) this.#program = undefined;
      if (!this.#expected) {
        this.#options.onSurprise(this, ended);
        this.start();
      }
    });
  }

  /** Ends it without warning. */
  async kill(): Promise<void> {
    this.#expected = true;
    await this.#program?.signal('SIGKILL');
  }

  /** Asks it to end. Gives the milliseconds it took, and how it ended. */
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

  /** What /readyz says; undefined without an answer. */
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

/** Each worker of vitest has ports of its own, and gives none twice: what looks free may be of one that is away. */
const firstPort = 10_000 + 5000 * (Number(process.env.VITEST_POOL_ID ?? 0) % 4);
let nextPort = Math.floor(Math.random() * 5000);

/**
 * A port that is free now, and below those that the system gives to whoever asks for any: a process that comes back
 * after a fault must find its port free still.
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
