/**
 * `docker compose run --rm init [--rotate] [--file FILE]`: generates the secrets of a deployment into .env, readable
 * only by its owner. A further run adds missing ones, such as the keys of a new service.
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { readArguments, runProgram } from '../shared/process/command-line.ts';
import { secretsWith } from './nats/secrets.ts';
import { replaceFile } from './replace-file.ts';

/** Returns whether the text of .env has secrets. */
export function hasSecrets(present: string): boolean {
  return /^(JWT_SECRET|NKEY_\w+)=./m.test(present);
}

/** Returns the text of .env with the secrets set and all other settings kept. */
export function environmentFile(present: string, secrets: Record<string, string>): string {
  // An operator who uses an identity provider empties JWT_SECRET; it must stay empty.
  const { JWT_SECRET, ...others } = secrets;
  const put = /^JWT_SECRET=$/m.test(present) ? others : secrets;
  // Older versions wrote public keys as variables of their own, which BROKER_KEYS replaces.
  const replaced = (line: string): boolean => {
    const name = /^\s*(?:export\s+)?(\w+)\s*=/.exec(line)?.[1];
    return (name !== undefined && name in put) || /^NKEY_\w+=U/.test(line);
  };
  const kept = present.split('\n').filter((line) => !replaced(line));
  while (kept.at(-1) === '') kept.pop();
  if (present === '') kept.push('# Secrets of this deployment. Never commit this file.');
  // Without NATS_CONFIG the broker would have no users, whatever keys are set.
  if (!/^NATS_CONFIG=./m.test(present)) kept.push('NATS_CONFIG=secure');
  const lines = Object.entries(put).map(([name, value]) => `${name}=${value}`);
  return `${[...kept, ...lines].join('\n')}\n`;
}

const usage = `Usage: docker compose run --rm init [--file FILE] [--rotate]

Generates the secrets of a deployment into .env; existing ones are kept.

  --file FILE   write to FILE instead of .env
  --rotate      replace existing secrets with new ones`;

function main(): void {
  const { values } = readArguments({
    usage,
    options: { rotate: { type: 'boolean' }, file: { type: 'string' } },
  });
  const file = resolve(values.file ?? '.env');
  const present = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const had = hasSecrets(present);
  const known = parseEnv(present) as Record<string, string>;
  const secrets = secretsWith(values.rotate ? {} : known);
  const missing = Object.entries(secrets).filter(([name, value]) => known[name] !== value);
  if (missing.length === 0) {
    console.log(`${values.file ?? '.env'} already has all secrets; --rotate replaces them`);
    return;
  }
  replaceFile(file, environmentFile(present, secrets));
  const written = !had ? 'The secrets' : values.rotate ? 'New secrets' : 'The missing secrets';
  console.log(`${written} are in ${values.file ?? '.env. Now run: docker compose up -d --wait'}`);
}

if (import.meta.main) await runProgram(main);
