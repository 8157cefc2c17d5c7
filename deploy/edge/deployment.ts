/** What `npm run site` changes in the folder of a deployment with Docker, and what the operator does next. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { replaceFile } from '../replace-file.ts';
import { hubAddress } from './edge-file.ts';
import { hubConfiguration } from './hub-configuration.ts';
import { type Register, sitesOf } from './register.ts';

/** Writes the broker's configuration, and what .env has to say of sites. Whatever else is in .env stays. */
export function writeDeployment(folder: string, register: Register): void {
  const file = join(folder, '.env');
  const present = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const secure = /^NKEY_\w+_SEED=./m.test(present);
  const users = secure ? readFileSync(join(folder, 'deploy/nats/users.conf'), 'utf8') : undefined;
  const configuration = hubConfiguration(register, users);
  // The broker's user reads it, and there is no secret in it.
  replaceFile(join(folder, 'deploy/nats/sites.conf'), configuration, 0o644);
  const digest = createHash('sha256').update(configuration).digest('hex');
  const { NATS_CONFIG = '', COMPOSE_FILE = 'docker-compose.yml' } = parseEnv(present);
  const files = new Set([...COMPOSE_FILE.split(':'), 'deploy/edge/hub.yml']);
  if (files.has('deploy/cluster/compose.yml')) files.add('deploy/cluster/edges.yml');
  const set = {
    SITES: sitesOf(register).join(),
    NATS_CONFIG: NATS_CONFIG.endsWith('-tls') ? 'sites-tls' : 'sites',
    SITES_DIGEST: digest,
    COMPOSE_FILE: [...files].join(':'),
  };
  const kept = present.split('\n').filter((line) => !Object.keys(set).some((name) => line.startsWith(`${name}=`)));
  while (kept.at(-1) === '') kept.pop();
  const lines = Object.entries(set).map(([name, value]) => `${name}=${value}`);
  replaceFile(file, `${[...kept, ...lines].join('\n')}\n`);
}

/** Has the broker of a hub take what was written. */
export const applyCommand = 'docker compose up -d --wait';

export function composeSteps(name: string, url: string): string {
  const { hub, seed } = hubAddress(url);
  return `${name} may connect, once the hub runs with it.

1. Here, with port 7422 open to edges (LEAF_ADDRESS, LEAF_PORT in .env; with three brokers one after the other: … broker-2):

${applyCommand}

2. At ${name}, in a folder of this repository:

cd deploy/edge && (umask 077 && printf '%s\\n' SITE=${name} HUB_URL=${hub} SITE_NKEY_SEED=${seed} >> .env) && docker compose up -d --build --wait

or without Docker: npm run site -- ${name} --hub ${url}

The key is in these lines only.`;
}
