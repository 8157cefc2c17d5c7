/**
 * A hub and its edges as an operator runs them: each site is a process with its broker and all services, started by the
 * commands of docs/edge.md, and linked through proxies that can cut the link.
 */
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serviceNames } from '../../services/index.ts';
import { portVariable } from '../../shared/process/config.ts';
import { hub } from '../../shared/process/sites.ts';
import { freePort } from '../chaos/member.ts';
import { TcpProxy } from '../chaos/proxy.ts';
import { ownRuntime, type Program, type Runtime, startProgram } from '../process.ts';

export interface EdgeSystemOptions {
  edges: string[];
  /** Environment of every site. */
  env?: Record<string, string>;
}

/** One site, whose addresses stay the same when it restarts. */
export class Site {
  readonly name: string;
  /** HTTP addresses, by service. */
  readonly urls: Record<string, string>;
  /** Address of its broker. */
  readonly nats: string;
  /** Proxy on its link to the hub; the hub has none. */
  readonly link: TcpProxy | undefined;
  /** Folder of its files. */
  readonly folder: string;
  readonly #env: Record<string, string>;
  readonly #args: string[];
  #program: Program | undefined;

  constructor(options: Pick<Site, 'name' | 'urls' | 'nats' | 'link' | 'folder'> & { env: Record<string, string> }) {
    const { name, urls, nats, link, folder, env } = options;
    this.name = name;
    this.urls = urls;
    this.nats = nats;
    this.link = link;
    this.folder = folder;
    this.#env = env;
    this.#args = name === hub ? [] : [name];
  }

  get url(): string {
    return this.urls.gateway as string;
  }

  get pid(): number | undefined {
    return this.#program?.child.pid;
  }

  /** Process id of the broker that it started last; NaN before the first. */
  get brokerPid(): number {
    const [file] = globSync(join(this.folder, 'nats/ports/*.ports'));
    return Number(/(\d+)\.ports$/.exec(file ?? '')?.[1]);
  }

  get output(): string {
    return `${this.#program?.stdout ?? ''}${this.#program?.stderr ?? ''}`;
  }

  /** Starts the site and waits until it reports that it is ready. @throws Error with its output when it exits first */
  async start(more: string[] = [], runtime: Runtime = ownRuntime, env: Record<string, string> = {}): Promise<void> {
    const script = this.name === hub ? 'deploy/start.ts' : 'deploy/edge/main.ts';
    this.#program = startProgram(script, [...this.#args, ...more], { ...this.#env, ...env }, runtime);
    await this.#program.prints(/ready after/);
  }

  /** Runs a command of `npm run site` for this site and returns its output. */
  async command(args: string[], env: Record<string, string> = {}): Promise<string> {
    const program = startProgram('deploy/edge/main.ts', args, { ...this.#env, ...env });
    const status = await program.ended;
    if (status !== 0) throw new Error(`npm run site -- ${args.join(' ')} exited with ${status}: ${program.stderr}`);
    return program.stdout;
  }

  /** Stops the site with a signal. */
  async stop(): Promise<void> {
    await this.signal('SIGTERM');
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    if (this.#program?.running) await this.#program.signal(signal);
  }

  /** Kills its process and its broker. */
  async kill(): Promise<void> {
    await this.signal('SIGKILL');
    this.killBroker();
  }

  /** Kills its broker, which a running site restarts. */
  killBroker(): void {
    const pid = this.brokerPid;
    try {
      if (pid > 0) process.kill(pid, 'SIGKILL');
    } catch {
      // It has already exited.
    }
  }

  /** Deletes its data, as after the loss of its disk, but keeps its name and key. */
  wipe(): void {
    for (const name of ['nats', 'views']) rmSync(join(this.folder, name), { recursive: true, force: true });
  }
}

export class EdgeSystem implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'marquee-edge-'));
  readonly sites = new Map<string, Site>();

  private constructor() {}

  /** Starts the hub, adds the edges, and starts them. */
  static async start({ edges, env = {} }: EdgeSystemOptions): Promise<EdgeSystem> {
    const system = new EdgeSystem();
    try {
      await system.#start(edges, env);
      return system;
    } catch (error) {
      await system[Symbol.asyncDispose]();
      throw error;
    }
  }

  at(name: string): Site {
    return this.sites.get(name) as Site;
  }

  get all(): Site[] {
    return [...this.sites.values()];
  }

  async #start(edges: string[], env: Record<string, string>): Promise<void> {
    const leafPort = await freePort();
    for (const name of [hub, ...edges]) {
      const ports = new Map<string, number>();
      for (const service of serviceNames) ports.set(service, await freePort());
      const natsPort = await freePort();
      // The files of an edge are in a folder of its name.
      const dataDir = name === hub ? join(this.folder, hub) : this.folder;
      const own = {
        ...Object.fromEntries([...ports].map(([service, port]) => [portVariable(service), String(port)])),
        DATA_DIR: dataDir,
        NATS_PORT: String(natsPort),
        LEAF_LISTEN: `127.0.0.1:${leafPort}`,
        ...env,
      };
      this.sites.set(
        name,
        new Site({
          name,
          urls: Object.fromEntries([...ports].map(([service, port]) => [service, `http://127.0.0.1:${port}`])),
          nats: `nats://127.0.0.1:${natsPort}`,
          link: name === hub ? undefined : await TcpProxy.listen(leafPort),
          folder: join(this.folder, name),
          env: own,
        }),
      );
    }
    const commands: [Site, string[]][] = [];
    for (const name of edges) {
      const site = this.at(name);
      const printed = await this.at(hub).command(['add', name, '--hub', `127.0.0.1:${site.link?.port}`]);
      commands.push([site, ['--hub', /--hub (\S+)/.exec(printed)?.[1] ?? '']]);
    }
    await this.at(hub).start();
    await Promise.all(commands.map(([site, args]) => site.start(args)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.all.map(async (site) => {
        await site.signal('SIGCONT');
        await site.stop();
        await site.link?.[Symbol.asyncDispose]();
      }),
    );
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
