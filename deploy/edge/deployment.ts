/** The changes of `npm run site` to the folder of a Docker deployment, and the operator's next steps. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { replaceFile } from '../replace-file.ts';
import { hubAddress } from './edge-file.ts';
import { hubConfiguration } from './hub-configuration.ts';
import { type Register, sitesOf } from './register.ts';

/**
 * Writes the broker's configuration and the variables of sites in .env. Other variables are kept.
 * @returns the command that applies the changes to the hub
 */
export function writeDeployment(folder: string, register: Register): string {
  const file = join(folder, '.env');
  const present = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const secure = /^NKEY_\w+_SEED=./m.test(present);
  const users = secure ? readFileSync(join(folder, 'deploy/nats/users.conf'), 'utf8') : undefined;
  const configuration = hubConfiguration(register, users);
  // Readable by the broker's user; it contains no secret.
  replaceFile(join(folder, 'deploy/nats/sites.conf'), configuration, 0o644);
  const digest = createHash('sha256').update(configuration).digest('hex');
  const { NATS_CONFIG = '', COMPOSE_FILE = 'docker-compose.yml' } = parseEnv(present);
  const files = new Set([...COMPOSE_FILE.split(':'), 'deploy/edge/hub.yml']);
  const isCluster = files.has('deploy/cluster/compose.yml');
  if (isCluster) files.add('deploy/cluster/edges.yml');
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
  // Restart the brokers of a cluster one at a time.
  const brokers = isCluster ? [' broker-2', ' broker-3', ' broker'] : [];
  return [...brokers, ''].map((broker) => `docker compose up -d --wait${broker}`).join(' && ');
}

export function composeSteps(name: string, url: string, applyCommand: string): string {
  const { hub, seed } = hubAddress(url);
  return `${name} may connect once the hub runs with the new configuration.

1. Here, with port 7422 open to edges (LEAF_ADDRESS, LEAF_PORT in .env), run:

${applyCommand}

2. At ${name}, in a clone of this repository, run (put the hub's JWT_SECRET into deploy/edge/.env to accept its tokens):

cd deploy/edge && (umask 077 && printf '%s\\n' SITE=${name} HUB_URL=${hub} SITE_NKEY_SEED=${seed} >> .env) && docker compose up -d --build --wait

or without Docker: npm run site -- ${name} --hub ${url}

The key is printed only here.`;
}
