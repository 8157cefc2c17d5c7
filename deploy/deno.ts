/**
 * Runs a script of this repository on Deno (npm package `deno`), with no more permissions than it needs.
 * @example node deploy/deno.ts services/main.ts movies
 */
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf } from '../shared/operations/errors.ts';
import { findBroker } from './broker.ts';

const root = resolve(import.meta.dirname, '..');
type Environment = Record<string, string | undefined>;

/** The command that runs a script on Deno, with the permissions that this environment, and the broker's binary, ask for. */
export function denoCommand(script: string, env: Environment, broker?: string): { command: string; args: string[] } {
  const command = join(root, 'node_modules/.bin/deno');
  // Packages come from node_modules, as on Node: nothing is fetched, and no lock file of Deno's own is kept.
  const fixed = ['run', '--no-prompt', '--quiet', '--no-lock', '--cached-only', '--node-modules-dir=manual'];
  return { command, args: [...fixed, ...permissions(env, broker), join(root, script)] };
}

function permissions(env: Environment, broker: string | undefined): string[] {
  const dataDir = resolve(env.DATA_DIR || 'data');
  const files = (env.NATS_TLS_CA ? [env.NATS_TLS_CA] : []).map((file) => resolve(file));
  const list = [
    // The configuration is all of the environment, and libraries look for variables of their own.
    '--allow-env',
    `--allow-net=${hosts(env).join(',')}`,
    `--allow-read=${[root, dataDir, ...files].join(',')}`,
    `--allow-write=${dataDir}`,
    // pino asks for the host name; better-sqlite3 finds its platform by a report, which holds the other two.
    '--allow-sys=hostname,cpus,networkInterfaces',
    `--allow-ffi=${join(root, 'node_modules/better-sqlite3')}`,
  ];
  if (broker) list.push(`--allow-run=${broker}`);
  return list;
}

/** Where it listens and what it connects to, on any port. */
function hosts(env: Environment): string[] {
  const collectors = [env.OTEL_EXPORTER_OTLP_ENDPOINT ?? '', env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? ''];
  const urls = [...(env.NATS_URL ?? '').split(','), env.JWT_JWKS_URL ?? '', ...collectors].filter(Boolean);
  const named = urls.map((url) => new URL(url.includes('://') ? url : `nats://${url}`).hostname);
  return [...new Set(['127.0.0.1', env.HOST ?? '', ...named].filter(Boolean))];
}

/** Becomes Deno, so that signals reach it and its end is the end. */
async function run(script: string, args: string[]): Promise<never> {
  if (!process.execve) throw new Error('This needs a system where a program can replace itself: Linux or macOS.');
  // Installed here: Deno lets no program write the binaries that it may run.
  const needed = script === 'deploy/start.ts' && !process.env.NATS_URL;
  const broker = needed ? await findBroker(console.log) : undefined;
  const { command, args: before } = denoCommand(script, process.env, broker);
  return process.execve(command, [command, ...before, ...args], process.env as Record<string, string>);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [script, ...args] = process.argv.slice(2);
  try {
    if (!script) throw new Error('Usage: node deploy/deno.ts SCRIPT [ARGUMENT …]');
    await run(script, args);
  } catch (error) {
    console.error(messageOf(error));
    process.exitCode = 2;
  }
}
