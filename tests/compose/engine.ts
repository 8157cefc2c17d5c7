/** Docker as this test uses it: one project of its own, that disturbs no other. */
import { execFile, execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

/** Why there is no engine to run this on; undefined when there is one. */
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
    // As an operator has it in .env, so that deploy/update.sh sees the same files.
    this.environment = { ...process.env, COMPOSE_PROJECT_NAME: name, COMPOSE_FILE: files.join(':'), ...environment };
  }

  /** Runs `docker compose …` and gives its output. @throws Error with all that it said. */
  compose(...args: string[]): Promise<string> {
    return this.#run('docker', ['compose', ...args]);
  }

  /** Runs any other program with the project's environment, such as deploy/update.sh. */
  program(command: string, ...args: string[]): Promise<string> {
    return this.#run(command, args);
  }

  /** All containers of a service, or of the project, that run; with `--all` also those that do not. */
  async containers(service?: string, options: string[] = []): Promise<ContainerState[]> {
    const said = await this.compose('ps', '--quiet', ...options, ...(service ? [service] : []));
    const ids = said.split('\n').filter(Boolean);
    if (ids.length === 0) return [];
    return JSON.parse(await this.#run('docker', ['inspect', ...ids])) as ContainerState[];
  }

  /** Container of each replica that runs, with when it was started: another one where it was made anew. */
  async running(): Promise<Record<string, string>> {
    const all = await this.containers();
    return Object.fromEntries(all.map(({ Name, Id, State }) => [Name, `${Id} ${State.StartedAt}`]));
  }

  /** Takes everything down, volumes too, even those that the compose files of now do not use. */
  async remove(): Promise<void> {
    await this.compose('--profile', '*', 'down', '--volumes', '--remove-orphans');
    const label = `label=com.docker.compose.project=${this.name}`;
    const volumes = (await this.#run('docker', ['volume', 'ls', '--quiet', '--filter', label]))
      .split('\n')
      .filter(Boolean);
    if (volumes.length > 0) await this.#run('docker', ['volume', 'rm', ...volumes]);
  }

  /** The last lines that a container wrote, of standard output and error. */
  logs(container: string, lines: string): Promise<string> {
    return this.#run('sh', ['-c', 'docker logs --timestamps --tail "$1" "$2" 2>&1', 'sh', lines, container]);
  }

  /** Ends the first process of a service's container as kill -9 does; the restart policy brings it back. */
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
