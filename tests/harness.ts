/**
 * Runs a whole system for tests: a real broker with its files in a temporary folder, the streams, and services, in this
 * process or as processes of their own.
 */
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers as natsHeaders } from '@nats-io/nats-core';
import { type Broker, startBroker } from '../deploy/broker.ts';
import { serviceNamed, serviceNames } from '../services/index.ts';
import { Connection, type Link } from '../shared/broker/connection.ts';
import type { RunningService, StartService } from '../shared/host.ts';
import { type Config, portVariable, readConfig } from '../shared/process/config.ts';
import { createLogger } from '../shared/process/log.ts';
import { ServiceCaller } from '../shared/rpc/caller.ts';
import { applyStreams } from '../streams/apply.ts';
import { temporaryFolder } from './folder.ts';
import { type Program, type Runtime, startProgram } from './process.ts';
import { sharedBroker, takeAccount } from './shared-broker.ts';
import { until, within } from './until.ts';

export { temporaryFolder } from './folder.ts';
export { del, get, isWell, post, put, type Reply, remindSoon, request } from './http.ts';
export { Program, type Runtime, runtimes, startProgram } from './process.ts';
export { until } from './until.ts';

/** A replica of a service in this process. */
export interface Replica extends RunningService {
  dataDir: string;
  stop(): Promise<void>;
}

/** A replica of a service in its own process. */
export interface ReplicaProcess {
  program: Program;
  url: string;
  dataDir: string;
}

interface Options {
  /** Whether to create the streams; default true. */
  streams?: boolean;
  /** Whether the test needs a broker that it may kill and pause, instead of an account in the shared broker. */
  ownBroker?: boolean;
}

/** The broker of a system. */
export interface Place {
  url: string;
  /** User and password, if the broker is shared. */
  env: Record<string, string>;
  /** File that the services in this process log warnings to. */
  logFile: string;
  /** The broker itself, if it is not shared. */
  broker?: Broker;
}

/** How long a service may take to start, and to become ready, in milliseconds. */
const readyMs = 60_000;

/**
 * Starts a system and creates its streams.
 * @example
 * await using system = await startSystem();
 * const [movies] = await system.start('movies');
 * await post(`${movies.url}/movies`, { movieId: 1, title: 'Alien' });
 */
export async function startSystem({ streams = true, ownBroker = false }: Options = {}): Promise<System> {
  const folder = temporaryFolder();
  let system: System | undefined;
  try {
    system = new System(folder, await placeFor(folder.path, ownBroker));
    const { nc } = await system.connection.within(readyMs);
    // Retried, because a busy broker may answer too late.
    if (streams) await until(() => applyStreams(nc, { streamReplicas: 1 }), 'the streams');
    return system;
  } catch (error) {
    await (system ?? { [Symbol.asyncDispose]: () => folder[Symbol.dispose]() })[Symbol.asyncDispose]();
    throw error;
  }
}

async function placeFor(folder: string, ownBroker: boolean): Promise<Place> {
  const shared = sharedBroker();
  if (shared && !ownBroker) {
    const account = takeAccount(shared);
    const env = { NATS_USER: account, NATS_PASSWORD: account };
    return { url: shared.url, env, logFile: join(shared.folder, `${account}.log`) };
  }
  const broker = await startBroker({ port: 0, storeDir: join(folder, 'nats') });
  // Outside the system's folder, which may be deleted while a service that stops late still writes to it.
  const logFile = join(shared?.folder ?? tmpdir(), `marquee-test-${broker.pid}.log`);
  return { url: broker.url, env: {}, logFile, broker };
}

export class System implements AsyncDisposable {
  readonly #folder: Disposable & { path: string };
  readonly #stack = new AsyncDisposableStack();
  readonly #place: Place;
  #replicas = 0;
  /** Connection of the test itself. */
  readonly connection: Connection;
  /** Calls services over NATS, as other services do. */
  readonly caller: ServiceCaller;

  constructor(folder: Disposable & { path: string }, place: Place) {
    this.#folder = folder;
    this.#place = place;
    this.connection = this.#stack.use(new Connection(this.config(), 'test', createLogger('test', 'silent')));
    if (!place.broker) this.#stack.defer(() => this.#deleteStreams());
    this.caller = new ServiceCaller(this.connection);
  }

  /** Folder of all files of this system. */
  get folder(): string {
    return this.#folder.path;
  }

  get nats(): string {
    return this.#place.url;
  }

  get brokerPid(): number {
    return this.#broker.pid;
  }

  get #broker(): Broker {
    if (!this.#place.broker) throw new Error('the broker is shared: use startSystem({ ownBroker: true })');
    return this.#place.broker;
  }

  /** @throws AppError unavailable while the broker is away */
  get link(): Link {
    return this.connection.link;
  }

  /** Returns a configuration with this system's broker, any HTTP port, a log file for warnings, and `env` on top. */
  config(env: Record<string, string> = {}): Config {
    return { ...readConfig(this.environment({ LOG_LEVEL: 'warn', ...env })), logFile: this.#place.logFile };
  }

  environment(env: Record<string, string> = {}): Record<string, string> {
    const ports = serviceNames.map((name) => [portVariable(name), '0']);
    return {
      NATS_URL: this.nats,
      DATA_DIR: join(this.folder, 'data'),
      LOG_LEVEL: 'silent',
      // Long enough for a busy machine.
      REQUEST_TIMEOUT_MS: '20000',
      ...this.#place.env,
      ...(Object.fromEntries(ports) as Record<string, string>),
      ...env,
    };
  }

  /** Starts a replica of each named service in this process, with its own folder, and waits until all are ready. */
  async start<const N extends string[]>(...names: N): Promise<{ [K in keyof N]: Replica }> {
    const replicas = await Promise.all(names.map((name) => this.startReplica(name)));
    await Promise.all(replicas.map(({ ready }) => ready));
    return replicas as { [K in keyof N]: Replica };
  }

  /**
   * Starts one replica without waiting until it is ready. The same `DATA_DIR` again is a restart.
   * @param given starts a service that services/index.ts does not list
   */
  async startReplica(name: string, env: Record<string, string> = {}, given?: StartService): Promise<Replica> {
    const dataDir = env.DATA_DIR ?? this.#newDataDir();
    const start = given ?? (await serviceNamed(name).load());
    const service = await this.#within(start(this.config({ ...env, DATA_DIR: dataDir })), `${name} to start`);
    let stopped: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      stopped ??= Promise.resolve(service[Symbol.asyncDispose]());
      return stopped;
    };
    this.#stack.defer(stop);
    const ready = (): Promise<void> => this.#within(service.ready, `${name} to be ready`);
    return {
      ...service,
      dataDir,
      stop,
      // A getter, so that the time limit starts when a test awaits it.
      get ready() {
        return ready();
      },
      [Symbol.asyncDispose]: stop,
    };
  }

  /** Starts a replica as a process and waits until it listens. */
  async spawn(name: string, runtime: Runtime = 'node', env: Record<string, string> = {}): Promise<ReplicaProcess> {
    const dataDir = env.DATA_DIR ?? this.#newDataDir();
    const program = this.program('services/main.ts', [name], { LOG_LEVEL: 'info', ...env, DATA_DIR: dataDir }, runtime);
    const [, url] = await program.prints(/"url":"([^"]+)"/);
    return { program, url: url as string, dataDir };
  }

  /** Starts any script of the repository with this system's environment. */
  program(script: string, args: string[], env: Record<string, string> = {}, runtime: Runtime = 'node'): Program {
    return this.#stack.use(startProgram(script, args, this.environment(env), runtime));
  }

  /** Kills the broker with SIGKILL. */
  async killBroker(): Promise<void> {
    await this.#broker.kill();
  }

  /** Restarts the broker on the same port and files. */
  async restartBroker(): Promise<void> {
    const port = Number(new URL(this.nats).port);
    this.#place.broker = await startBroker({ port, storeDir: join(this.folder, 'nats') });
  }

  /** Pauses (SIGSTOP) or resumes (SIGCONT) the broker. */
  signalBroker(signal: 'SIGSTOP' | 'SIGCONT'): void {
    process.kill(this.#broker.pid, signal);
  }

  streams(): Promise<JetStreamManager> {
    return jetstreamManager(this.link.nc, { checkAPI: false });
  }

  /** Publishes a message, as with the `nats` command line, and returns its sequence. */
  async publish(subject: string, data: unknown, headers: Record<string, string> = {}): Promise<number> {
    const given = natsHeaders();
    for (const [name, value] of Object.entries(headers)) given.set(name, value);
    const body = typeof data === 'string' || data instanceof Uint8Array ? data : JSON.stringify(data);
    return (await jetstream(this.link.nc).publish(subject, body, { headers: given, timeout: 20_000 })).seq;
  }

  /** Returns the subjects of open dead letters. */
  async deadLetters(): Promise<string[]> {
    const jsm = await this.streams();
    const { state } = await jsm.streams.info('DEADLETTERS', { subjects_filter: 'deadletters.>' });
    return Object.keys(state.subjects ?? {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#stack.disposeAsync();
    } finally {
      await this.#place.broker?.kill();
      this.#folder[Symbol.dispose]();
    }
  }

  #within<T>(promise: Promise<T>, what: string): Promise<T> {
    return within(promise, readyMs, what, () => `the last warning: ${this.#lastWarning()}`);
  }

  #lastWarning(): string {
    const { logFile } = this.#place;
    return (existsSync(logFile) && readFileSync(logFile, 'utf8').trimEnd().split('\n').at(-1)) || 'none';
  }

  async #deleteStreams(): Promise<void> {
    const jsm = await this.streams();
    for (const name of await jsm.streams.names().next()) await jsm.streams.delete(name);
  }

  #newDataDir(): string {
    return join(this.folder, `replica-${++this.#replicas}`);
  }
}
