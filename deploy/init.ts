/**
 * `npm run deploy:init [-- --rotate]`: makes the secrets of a deployment and writes them to .env, for its owner only.
 * `--print` writes them to standard output instead, for hosts where this runs in a container.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { nkeys } from '@nats-io/nats-core';
import { messageOf } from '../shared/operations/errors.ts';
import { keyVariable, systemUser, userNames } from './nats/permissions.ts';

/** Variables with new secrets, by name. The broker is given the public keys only. */
export function newSecrets(): Record<string, string> {
  const keys = [...userNames, systemUser].flatMap((user) => {
    const pair = nkeys.createUser();
    const name = keyVariable(user);
    return [
      [name, pair.getPublicKey()],
      [`${name}_SEED`, new TextDecoder().decode(pair.getSeed())],
    ];
  });
  const secret = (): string => randomBytes(32).toString('base64url');
  return Object.fromEntries([['JWT_SECRET', secret()], ['CLUSTER_PASSWORD', secret()], ...keys]);
}

/** Whether there are secrets already. */
export function hasSecrets(present: string): boolean {
  return /^(JWT_SECRET|NKEY_\w+)=./m.test(present);
}

/** The text of .env: `present` with the secrets replaced, or a new one. Whatever else is set there stays. */
export function environmentFile(present: string, secrets: Record<string, string>): string {
  // Emptied by hand where tokens come from an identity provider: it must not come back.
  const { JWT_SECRET, ...others } = secrets;
  const put = /^JWT_SECRET=$/m.test(present) ? others : secrets;
  const kept = present.split('\n').filter((line) => !(line.slice(0, line.indexOf('=')) in put));
  while (kept.at(-1) === '') kept.pop();
  if (present === '') kept.push('# Secrets of this deployment. Never commit this file.');
  // Without it the broker would have no users, whatever keys there are.
  if (!/^NATS_CONFIG=./m.test(present)) kept.push('NATS_CONFIG=secure');
  const lines = Object.entries(put).map(([name, value]) => `${name}=${value}`);
  return `${[...kept, ...lines].join('\n')}\n`;
}

function main(): void {
  const { values } = parseArgs({
    options: { rotate: { type: 'boolean' }, print: { type: 'boolean' }, file: { type: 'string' } },
  });
  const file = resolve(values.file ?? '.env');
  if (values.print) {
    process.stdout.write(environmentFile('', newSecrets()));
    return;
  }
  const present = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const replaces = hasSecrets(present);
  if (replaces && !values.rotate) throw new Error(`${file} has secrets already: --rotate puts new ones into it`);
  const text = environmentFile(present, newSecrets());
  // Renamed at the end, so that there is never half a file, nor one that others can read.
  writeFileSync(`${file}.new`, text, { mode: 0o600, flag: 'wx' });
  renameSync(`${file}.new`, file);
  console.log(
    `${replaces ? 'New secrets are' : 'The secrets are'} in ${file}. Now: docker compose up -d --build --wait`,
  );
}

if (import.meta.main) {
  try {
    main();
  } catch (error) {
    console.error(messageOf(error));
    process.exitCode = 1;
  }
}
