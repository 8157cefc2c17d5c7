/** Runs Marquee as shipped: a broker, the streams, and services from the bundle as processes. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { brokerEnvironment, findBroker } from '../../deploy/broker.ts';
import { serviceNames } from '../../services/index.ts';
import { Connection } from '../../shared/broker/connection.ts';
import { portVariable, readConfig } from '../../shared/process/config.ts';
import { createLogger } from '../../shared/process/log.ts';
import { applyStreams } from '../../streams/apply.ts';
import { freePort } from '../../tests/chaos/member.ts';
import { denoCommand } from '../../tests/process.ts';
import { Measured } from './process.ts';

const root = resolve(import.meta.dirname, '../..');

export type Runtime = 'node' | 'deno';

/** Node options of the image, and its limit for malloc. */
const shippedNodeArgs =
  /^exec node (.*) \$NODE_FLAGS /m
    .exec(readFileSync(join(root, 'deploy/image/run-on-node'), 'utf8'))?.[1]
    ?.split(' ') ?? [];
const shippedEnvironment = { MALLOC_ARENA_MAX: '2' };

export interface ServiceOptions {
  runtime?: Runtime;
  dataDir?: string;
  /** Name in tables. */
  name?: string;
  env?: Record<string, string>;
  /** Further Node options, such as --cpu-prof. */
  nodeArgs?: string[];
}

export interface RunningProgram {
  process: Measured;
  /** Resolves when all services of the process are ready. */
  ready(): Promise<void>;
  /** Addresses, by service. */
  urls: Record<string, string>;
}

/** A broker with the streams in a folder of its own, and the processes started on it. */
export class BenchSystem implements AsyncDisposable {
  readonly broker: Measured;
  readonly natsUrl: string;
  readonly folder: string;
  readonly #dist: string;
  readonly #stack = new AsyncDisposableStack();

  private constructor(options: { broker: Measured; natsUrl: string; folder: string; dist: string }) {
    this.broker = this.#stack.use(options.broker);
    this.natsUrl = options.natsUrl;
    this.folder = options.folder;
    this.#dist = options.dist;
  }

  /** @param sync when the broker syncs to disk: `always` before each ack, `default` every two minutes */
  static async start(folder: string, dist: string, sync: 'always' | 'default' = 'always'): Promise<BenchSystem> {
    const port = await freePort();
    const system = new BenchSystem({
      broker: await startBenchBroker(folder, port, sync),
      natsUrl: `nats://127.0.0.1:${port}`,
      folder,
      dist,
    });
    try {
      await using connection = system.connect();
      await applyStreams((await connection.first).nc, { streamReplicas: 1 });
    } catch (error) {
      await system[Symbol.asyncDispose]();
      throw error;
    }
    return system;
  }

  environment(dataDir = join(this.folder, 'data')): Record<string, string> {
    const ports = serviceNames.map((name) => [portVariable(name), '0']);
    return { ...Object.fromEntries(ports), NATS_URL: this.natsUrl, DATA_DIR: dataDir, LOG_LEVEL: 'info' };
  }

  /** Opens a connection for the benchmark itself. */
  connect(): Connection {
    const config = readConfig(this.environment());
    return new Connection(config, 'bench', createLogger('bench', 'silent'));
  }

  /** Starts services (default: all) in one process and waits until they are ready. */
  async services(names: string[], options: ServiceOptions = {}): Promise<RunningProgram> {
    const program = await this.listen(names, options);
    await program.ready();
    return program;
  }

  /** Starts services in one process and waits only until they listen. */
  async listen(names: string[], options: ServiceOptions = {}): Promise<RunningProgram> {
    const env = {
      ...shippedEnvironment,
      ...this.environment(options.dataDir ?? join(this.folder, `data-${names.join('-') || 'all'}`)),
      ...options.env,
    };
    const script = join(this.#dist, 'services/main.js');
    const { command, args } =
      options.runtime === 'deno'
        ? denoCommand(relative(root, script), env)
        : { command: process.execPath, args: [...shippedNodeArgs, ...(options.nodeArgs ?? []), script] };
    const name = options.name ?? (names.join('+') || 'all services');
    const started = this.#stack.use(new Measured({ name, command, args: [...args, ...names], env }));
    const urls: Record<string, string> = {};
    for (const service of names.length > 0 ? names : serviceNames) {
      const pattern = new RegExp(`"service":"${service}".*"url":"([^"]+)".*listening`);
      urls[service] = (await started.prints(pattern))[1] as string;
    }
    const ready = async (): Promise<void> => {
      for (const url of Object.values(urls)) await untilReady(url);
    };
    return { process: started, urls, ready };
  }

  /** Starts the seed of a CSV file, as `npm run seed` does, and returns its process. */
  seed(csv: string, ...more: string[]): Measured {
    const args = [...shippedNodeArgs, join(this.#dist, 'seed/main.js'), '--csv', csv, ...more];
    return this.#stack.use(new Measured({ name: 'seed', command: process.execPath, args, env: this.environment() }));
  }

  /** Starts any program against this system, which is stopped with the system. */
  program(name: string, args: string[], env: Record<string, string> = {}, cwd?: string): Measured {
    const options = { name, command: process.execPath, args, env: { ...this.environment(), ...env } };
    return this.#stack.use(new Measured({ ...options, ...(cwd ? { cwd } : {}) }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

/** Waits until a service reports that it is ready. */
export async function untilReady(url: string, withinMs = 600_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const response = await fetch(`${url}/readyz`).catch(() => undefined);
    await response?.arrayBuffer();
    if (response?.ok) return;
    if (Date.now() > deadline) throw new Error(`${url} did not become ready`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function startBenchBroker(folder: string, port: number, sync: 'always' | 'default'): Promise<Measured> {
  const storeDir = join(folder, 'nats');
  mkdirSync(storeDir, { recursive: true });
  const file = join(folder, 'nats-server.conf');
  const interval = sync === 'always' ? ', sync_interval: always' : '';
  writeFileSync(file, `listen: "127.0.0.1:${port}"\njetstream { store_dir: ${JSON.stringify(storeDir)}${interval} }\n`);
  const broker = new Measured({
    name: 'broker',
    command: await findBroker(),
    args: ['-c', file],
    env: brokerEnvironment,
  });
  await broker.prints(/Server is ready/);
  return broker;
}
