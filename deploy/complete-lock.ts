/**
 * `npm run lock`: makes package-lock.json anew and completes it with the packages of other platforms.
 *
 * npm leaves out what it cannot fetch where the lock is made (an optional package of another platform that a registry
 * mirror does not carry), and then refuses its own lock in `npm ci`. Name, version and platform are all that the
 * entries need: the parent's `optionalDependencies` and the package's name say them.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

interface LockEntry {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

interface Lock {
  packages: Record<string, LockEntry>;
}

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'];

/** The platform in a package's name, such as `@biomejs/cli-darwin-arm64`; undefined where it names none. */
export function platformOf(name: string): Pick<LockEntry, 'os' | 'cpu' | 'libc'> | undefined {
  const parts = name.split(/[-/]/);
  const os = systems.find((system) => parts.includes(system));
  const cpu = processors.find((processor) => parts.includes(processor));
  if (!os || !cpu) return undefined;
  const libc = parts.includes('musl') ? 'musl' : parts.includes('glibc') || parts.includes('gnu') ? 'glibc' : undefined;
  return { os: [os], cpu: [cpu], ...(libc ? { libc: [libc] } : {}) };
}

/** Adds an entry for each optional package of a platform that has none. Gives their names. */
export function complete(lock: Lock): string[] {
  const added: string[] = [];
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const platform = platformOf(name);
      const present = [`node_modules/${name}`, `${path}/node_modules/${name}`].some((place) => place in lock.packages);
      if (present || !platform || !/^\d/.test(version)) continue;
      const dev = entry.dev ? { dev: true } : {};
      lock.packages[`node_modules/${name}`] = { version, ...platform, ...dev, optional: true };
      added.push(name);
    }
  }
  return added;
}

if (import.meta.main) {
  rmSync('package-lock.json', { force: true });
  const { status } = spawnSync('npm', ['install', '--package-lock-only', '--ignore-scripts'], { stdio: 'inherit' });
  if (status !== 0) process.exit(1);
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lock;
  const added = complete(lock);
  const sorted = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync('package-lock.json', `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`);
  console.log(`package-lock.json is complete: ${added.length} packages of other platforms added`);
}
