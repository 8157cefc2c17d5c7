/** The system under test: a broker, two replicas of each service and a gateway, each behind a proxy of its own. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { type Broker, startBroker } from '../../deploy/broker.ts';
import { serviceNames } from '../../services/index.ts';
import { Connection } from '../../shared/broker/connection.ts';
import { portVariable, readConfig } from '../../shared/process/config.ts';
import { createLogger } from '../../shared/process/log.ts';
import { applyStreams, streams } from '../../streams/apply.ts';
import { SmallDisk } from './full-disk.ts';
import { freePort, Member } from './member.ts';
import { TcpProxy } from './proxy.ts';

export const requestTimeoutMs = 3000;

/** Interval between checks of all processes for readiness. */
const betweenChecksMs = 150;

/** The replica whose disk can be filled. */
export const onSmallDisk = 'ranking-2';

export interface SystemOptions {
  /** Environment of every process. */
  env?: Record<string, string>;
  /** Called when a process exits unexpectedly. */
  onSurprise?(what: string): void;
}

export class ChaosSystem implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'marquee-chaos-'));
  readonly site = 'hub';
  readonly members: Member[] = [];
  readonly proxies = new Map<string, TcpProxy>();
  smallDisk: SmallDisk | undefined;
  /** This program's own connection to the broker, without a proxy. */
  connection!: Connection;
  #broker!: Broker;
  #brokerUp = true;

  private constructor() {}

  /** Starts the system and waits until every process is ready. */
  static async start({ env = {}, onSurprise = () => {} }: SystemOptions = {}): Promise<ChaosSystem> {
    const system = new ChaosSystem();
    try {
      await system.#start(env, onSurprise);
      return system;
    } catch (error) {
      await system[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start(env: Record<string, string>, onSurprise: (what: string) => void): Promise<void> {
    this.#broker = await startBroker({ port: 0, storeDir: join(this.folder, 'nats') });
    this.connection = new Connection(
      readConfig({ NATS_URL: this.#broker.url }),
      'chaos',
      createLogger('chaos', 'silent'),
    );
    const link = await this.connection.first;
    await applyStreams(link.nc, { streamReplicas: 1 });
    this.smallDisk = SmallDisk.mount(join(this.folder, onSmallDisk));
    const names = serviceNames.flatMap((service) =>
      service === 'gateway' ? [[service, 'gateway']] : [1, 2].map((replica) => [service, `${service}-${replica}`]),
    ) as [string, string][];
    for (const [service, name] of names) {
      const proxy = await TcpProxy.listen(Number(new URL(this.#broker.url).port));
      this.proxies.set(name, proxy);
      const port = await freePort();
      const dataDir = join(this.folder, name);
      mkdirSync(dataDir, { recursive: true });
      const own = {
        NATS_URL: `nats://127.0.0.1:${proxy.port}`,
        DATA_DIR: dataDir,
        LOG_LEVEL: 'info',
        REQUEST_TIMEOUT_MS: String(requestTimeoutMs),
        // Frequent checkpoints, so that the small files are written and read while they are damaged.
        CHECKPOINT_PAGES: '20',
        // Frequent snapshots, which replicas that lost their files load all the time.
        SNAPSHOT_EVERY: '20',
        [portVariable(service)]: String(port),
        ...env,
      };
      const surprised = (member: Member, ended: unknown): void =>
        onSurprise(`${member.name} ended by itself with ${String(ended)}:\n${member.log.slice(-1500)}`);
      this.members.push(new Member({ name, service, port, env: own, dataDir, onSurprise: surprised }));
    }
    for (const member of this.members) member.start();
    await this.allReady(90_000);
  }

  get gateway(): Member {
    return this.member('gateway');
  }

  /** Returns the replicas of a service. */
  replicas(service: string): Member[] {
    return this.members.filter((member) => member.service === service);
  }

  member(name: string): Member {
    return this.members.find((member) => member.name === name) as Member;
  }

  async killBroker(): Promise<void> {
    this.#brokerUp = false;
    await this.#broker.kill();
  }

  async restartBroker(): Promise<void> {
    const port = Number(new URL(this.#broker.url).port);
    this.#broker = await startBroker({ port, storeDir: join(this.folder, 'nats') });
    this.#brokerUp = true;
  }

  signalBroker(signal: 'SIGSTOP' | 'SIGCONT'): void {
    if (this.#brokerUp) process.kill(this.#broker.pid, signal);
  }

  jsm(): Promise<JetStreamManager> {
    return jetstreamManager(this.connection.link.nc, { checkAPI: false, timeout: 20_000 });
  }

  async subjects(stream: string): Promise<Record<string, number>> {
    const jsm = await this.jsm();
    return (await jsm.streams.info(stream, { subjects_filter: '>' })).state.subjects ?? {};
  }

  /** Returns the last sequence of each stream. */
  async ends(): Promise<Map<string, number>> {
    const jsm = await this.jsm();
    const infos = await Promise.all(streams.map(async ({ name }) => jsm.streams.info(name)));
    return new Map(infos.map(({ config, state }) => [config.name, state.last_seq]));
  }

  /**
   * Waits until every process is ready and every view has applied all of its streams.
   * @throws Error naming the processes that are not ready after `limitMs`
   */
  async allReady(limitMs: number): Promise<void> {
    const deadline = Date.now() + limitMs;
    for (;;) {
      const missing = await this.#notReady();
      if (missing.length === 0) return;
      if (Date.now() > deadline) {
        const logs = this.members.filter(({ name }) => missing.some((one) => one.startsWith(name)));
        const tails = logs.map(({ name, log }) => `${name}:\n${log.slice(-1500)}`);
        throw new Error(`not ready after ${limitMs / 1000} s: ${missing.join(', ')}\n${tails.join('\n')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, betweenChecksMs));
    }
  }

  async #notReady(): Promise<string[]> {
    if (!this.connection.connected) return ['the broker'];
    const ends = await this.ends().catch(() => undefined);
    if (!ends) return ['the broker'];
    const states = await Promise.all(
      this.members.map(async (member) => {
        const state = await member.readiness();
        if (!state?.ready) return [member.name];
        const behind = state.streams.filter(({ stream, sequence }) => sequence < (ends.get(stream) ?? 0));
        return behind.map(({ stream, sequence }) => `${member.name} (${stream} at ${sequence} of ${ends.get(stream)})`);
      }),
    );
    return states.flat();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member[Symbol.asyncDispose]()));
    await Promise.all([...this.proxies.values()].map((proxy) => proxy[Symbol.asyncDispose]()));
    this.signalBroker('SIGCONT');
    await this.connection?.[Symbol.asyncDispose]();
    await this.#broker?.kill();
    this.smallDisk?.[Symbol.dispose]();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
