/** Runs Docker Compose with a project of its own that does not affect others. */
import { execFile, execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

/** Returns why there is no usable engine; undefined if there is one. */
export function missingEngine(): string | undefined {
  for (const args of [['info'], ['compose', 'version']]) {
    try {
      execFileSync('docker', args, { stdio: 'pipe' });
    } catch (error) {
      const { stderr, code } = error as { stderr?: Buffer; code?: string };
      return code === 'ENOENT'
        ? 'there is no docker command'
        : `docker ${args.join(' ')}: ${stderr?.toString().trim()}`;
    }
  }
  return undefined;
}

export interface ContainerState {
  Id: string;
  Name: string;
  State: {
    Status: string;
    StartedAt: string;
    Pid: number;
    ExitCode: number;
    OOMKilled: boolean;
    Error: string;
    Health?: { Status: string; Log: { End: string; ExitCode: number; Output: string }[] | null };
  };
  RestartCount: number;
  Config: { User: string; Image: string };
  HostConfig: {
    ReadonlyRootfs: boolean;
    CapDrop: string[] | null;
    SecurityOpt: string[] | null;
    Memory: number;
    NanoCpus: number;
    PidsLimit: number | null;
    RestartPolicy: { Name: string };
  };
  NetworkSettings: { Ports: Record<string, { HostIp: string; HostPort: string }[] | null> };
}

/** A compose project with a variables file and ports of its own. */
export class Project {
  readonly name: string;
  readonly environment: Record<string, string | undefined>;

  constructor(name: string, environment: Record<string, string>, files: string[]) {
    this.name = name;
    // Passed in the environment as if in .env, so that deploy/update.sh uses the same files.
    this.environment = { ...process.env, COMPOSE_PROJECT_NAME: name, COMPOSE_FILE: files.join(':'), ...environment };
  }

  /** Runs `docker compose …` and returns its output. @throws Error with the whole output */
  compose(...args: string[]): Promise<string> {
    return this.#run('docker', ['compose', ...args]);
  }

  /** Runs any other program with the project's environment, such as deploy/update.sh. */
  program(command: string, ...args: string[]): Promise<string> {
    return this.#run(command, args);
  }

  /** Returns the running containers of a service or the project; with `--all` stopped ones, too. */
  async containers(service?: string, options: string[] = []): Promise<ContainerState[]> {
    const said = await this.compose('ps', '--quiet', ...options, ...(service ? [service] : []));
    const ids = said.split('\n').filter(Boolean);
    if (ids.length === 0) return [];
    return JSON.parse(await this.#run('docker', ['inspect', ...ids])) as ContainerState[];
  }

  /** Returns the container and start time of each running replica, which change when it is recreated. */
  async running(): Promise<Record<string, string>> {
    const all = await this.containers();
    return Object.fromEntries(all.map(({ Name, Id, State }) => [Name, `${Id} ${State.StartedAt}`]));
  }

  /** Removes everything including volumes, even those that the current compose files do not use. */
  async remove(): Promise<void> {
    await this.compose('--profile', '*', 'down', '--volumes', '--remove-orphans');
    const label = `label=com.docker.compose.project=${this.name}`;
    const volumes = (await this.#run('docker', ['volume', 'ls', '--quiet', '--filter', label]))
      .split('\n')
      .filter(Boolean);
    if (volumes.length > 0) await this.#run('docker', ['volume', 'rm', ...volumes]);
  }

  /** Returns the last lines of a container's standard output and error. */
  logs(container: string, lines: string): Promise<string> {
    return this.#run('sh', ['-c', 'docker logs --timestamps --tail "$1" "$2" 2>&1', 'sh', lines, container]);
  }

  /** Kills the first process of a service's container with SIGKILL; the restart policy restarts it. */
  async kill(service: string): Promise<void> {
    const [container] = await this.containers(service);
    if (!container) throw new Error(`${service} does not run`);
    process.kill(container.State.Pid, 'SIGKILL');
  }

  async #run(command: string, args: string[]): Promise<string> {
    const options = { cwd: root, env: this.environment, maxBuffer: 64 << 20 };
    try {
      const { stdout } = await run(command, args, options);
      return stdout;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      throw new Error(
        `${command} ${args.join(' ')} failed:\n${`${stdout}\n${stderr}`.trim().split('\n').slice(-25).join('\n')}`,
      );
    }
  }
}
