/** Test helper: a real broker with the users of a deployment. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findBroker } from '../broker.ts';
import { secretsWith } from './secrets.ts';
import { keyVariable } from './user-names.ts';

export interface SecuredBroker extends AsyncDisposable {
  url: string;
  /** Returns the secret key of a user. */
  seedOf(user: string): string;
  /** Returns the broker's log, which includes permission violations. */
  log(): string;
}

/**
 * Starts a broker with its files in `folder`, on any port.
 * @param configurationOf returns the configuration for the text of users.conf; default: secure.conf
 */
export async function startSecuredBroker(
  folder: string,
  configurationOf?: (users: string) => string,
): Promise<SecuredBroker> {
  const secrets = secretsWith();
  const conf = join(folder, 'conf');
  const ports = join(folder, 'ports');
  mkdirSync(conf, { recursive: true });
  mkdirSync(ports);
  const read = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8');
  for (const name of ['secure.conf', 'users.conf']) writeFileSync(join(conf, name), read(name));
  const file = join(conf, configurationOf ? 'own.conf' : 'secure.conf');
  if (configurationOf) {
    const store = `store_dir: ${JSON.stringify(join(folder, 'data'))}`;
    writeFileSync(file, configurationOf(read('users.conf')).replace('store_dir: /data', store));
  }
  const own = read('broker.conf')
    .replace(/^listen: .*$/m, `listen: "127.0.0.1:-1"\nports_file_dir: ${JSON.stringify(ports)}`)
    .replace(/^http: .*$/m, '')
    .replace(/^( *store_dir:).*$/m, `$1 ${JSON.stringify(join(folder, 'data'))}`);
  writeFileSync(join(conf, 'broker.conf'), own);
  const publicKeys = Object.fromEntries((secrets.BROKER_KEYS ?? '').split(' ').map((pair) => pair.split('=')));
  const binary = await findBroker();
  const child = spawn(binary, ['-c', file, '-l', join(folder, 'log')], {
    env: { ...process.env, ...publicKeys, BROKER_NAME: 'secured' },
    stdio: 'ignore',
  });
  return {
    url: await urlOf(child, ports, join(folder, 'log')),
    seedOf: (user) => secrets[`${keyVariable(user)}_SEED`] as string,
    log: () => readFileSync(join(folder, 'log'), 'utf8'),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Waits until the broker listens: it then writes its ports to a file. */
async function urlOf(child: ChildProcess, ports: string, log: string): Promise<string> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the broker did not start:\n${readFileSync(log, 'utf8')}`);
    const [file] = readdirSync(ports);
    const text = file ? readFileSync(join(ports, file), 'utf8') : '';
    if (text.endsWith('}')) return (JSON.parse(text) as { nats: [string] }).nats[0];
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
