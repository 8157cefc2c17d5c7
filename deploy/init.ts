/**
 * `npm run deploy:init [-- --rotate]`: makes the secrets of a deployment and writes them to .env, for its owner only. Run
 * again it adds what is missing, such as the keys of a new service.
 * `--print` writes them to standard output instead, for hosts where this runs in a container.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { nkeys } from '@nats-io/nats-core';
import { messageOf } from '../shared/operations/errors.ts';
import { readArguments } from '../shared/process/command-line.ts';
import { keyVariable, systemUser, userNames } from './nats/user-names.ts';

/** Secrets by the names of their variables: those that are kept, and new ones. The broker gets the public keys only. */
export function secretsWith(kept: Record<string, string> = {}): Record<string, string> {
  const seeds = [...userNames, systemUser].map((user): [string, string] => {
    const name = `${keyVariable(user)}_SEED`;
    return [name, kept[name] || new TextDecoder().decode(nkeys.createUser().getSeed())];
  });
  const publicKeys = seeds.map(([name, seed]) => {
    const key = nkeys.fromSeed(new TextEncoder().encode(seed)).getPublicKey();
    return `${name.replace(/_SEED$/, '')}=${key}`;
  });
  const secret = (): string => randomBytes(32).toString('base64url');
  return {
    JWT_SECRET: kept.JWT_SECRET ?? secret(),
    CLUSTER_PASSWORD: kept.CLUSTER_PASSWORD ?? secret(),
    ...Object.fromEntries(seeds),
    BROKER_KEYS: publicKeys.join(' '),
  };
}

/** The variables of a file's text. */
export function variablesOf(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/^(\w+)=(.*)$/gm)];
  return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, value]));
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
  // A public key by itself is from before BROKER_KEYS.
  const replaced = (line: string): boolean => line.slice(0, line.indexOf('=')) in put || /^NKEY_\w+=U/.test(line);
  const kept = present.split('\n').filter((line) => !replaced(line));
  while (kept.at(-1) === '') kept.pop();
  if (present === '') kept.push('# Secrets of this deployment. Never commit this file.');
  // Without it the broker would have no users, whatever keys there are.
  if (!/^NATS_CONFIG=./m.test(present)) kept.push('NATS_CONFIG=secure');
  const lines = Object.entries(put).map(([name, value]) => `${name}=${value}`);
  return `${[...kept, ...lines].join('\n')}\n`;
}

const usage = `Usage: npm run deploy:init -- [--file FILE] [--rotate | --print]

Puts the secrets of a deployment into .env, or those that are missing there.

  --file FILE   instead of .env
  --rotate      put new ones there
  --print       print new ones, and write nothing`;

function main(): void {
  const { values } = readArguments({
    usage,
    options: { rotate: { type: 'boolean' }, print: { type: 'boolean' }, file: { type: 'string' } },
  });
  const file = resolve(values.file ?? '.env');
  if (values.print) {
    process.stdout.write(environmentFile('', secretsWith()));
    return;
  }
  const present = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const had = hasSecrets(present);
  const known = variablesOf(present);
  const secrets = secretsWith(values.rotate ? {} : known);
  const missing = Object.entries(secrets).filter(([name, value]) => known[name] !== value);
  if (missing.length === 0) throw new Error(`${file} has all secrets already: --rotate puts new ones into it`);
  const text = environmentFile(present, secrets);
  // Renamed at the end, so that there is never half a file, nor one that others can read.
  writeFileSync(`${file}.new`, text, { mode: 0o600, flag: 'wx' });
  renameSync(`${file}.new`, file);
  const done = !had ? 'The secrets are' : values.rotate ? 'New secrets are' : 'What was missing is';
  console.log(`${done} in ${file}. Now: docker compose up -d --build --wait`);
}

if (import.meta.main) {
  try {
    main();
  } catch (error) {
    console.error(messageOf(error));
    process.exitCode = 1;
  }
}
