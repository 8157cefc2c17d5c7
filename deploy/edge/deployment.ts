/** What `npm run site` changes in the folder of a deployment with Docker, and what the operator does next. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { replaceFile } from '../replace-file.ts';
import { hubAddress } from './edge-file.ts';
import { hubConfiguration } from './hub-configuration.ts';
import { type Register, sitesOf } from './register.ts';

/**
 * Writes the broker's configuration, and what .env has to say of sites. Whatever else is in .env stays.
 * @returns the command that has the hub take it
 */
export function writeDeployment(folder: string, register: Register): string {
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
  const hasThree = files.has('deploy/cluster/compose.yml');
  if (hasThree) files.add('deploy/cluster/edges.yml');
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
  // Of three brokers one is down at a time.
  const first = ['broker-2', 'broker-3', 'broker']
    .map((broker) => `docker compose up -d --wait ${broker} && `)
    .join('');
  return `${hasThree ? first : ''}docker compose up -d --wait`;
}

export function composeSteps(name: string, url: string, applyCommand: string): string {
  const { hub, seed } = hubAddress(url);
  return `${name} may connect, once the hub runs with it.

1. Here, with port 7422 open to edges (LEAF_ADDRESS, LEAF_PORT in .env):

${applyCommand}

2. At ${name}, in a folder of this repository (with the hub's JWT_SECRET in deploy/edge/.env people sign in as at the hub):

cd deploy/edge && (umask 077 && printf '%s\\n' SITE=${name} HUB_URL=${hub} SITE_NKEY_SEED=${seed} >> .env) && docker compose up -d --build --wait

or without Docker: npm run site -- ${name} --hub ${url}

The key is in these lines only.`;
}
