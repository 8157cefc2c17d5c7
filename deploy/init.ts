/**
 * `docker compose run --rm init [--rotate] [--file FILE]`: makes the secrets of a deployment and puts them into .env, for
 * its owner only. Run again it adds what is missing, such as the keys of a new service.
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { readArguments, runProgram } from '../shared/process/command-line.ts';
import { secretsWith } from './nats/secrets.ts';
import { replaceFile } from './replace-file.ts';

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
  const replaced = (line: string): boolean => {
    const name = /^\s*(?:export\s+)?(\w+)\s*=/.exec(line)?.[1];
    return (name !== undefined && name in put) || /^NKEY_\w+=U/.test(line);
  };
  const kept = present.split('\n').filter((line) => !replaced(line));
  while (kept.at(-1) === '') kept.pop();
  if (present === '') kept.push('# Secrets of this deployment. Never commit this file.');
  // Without it the broker would have no users, whatever keys there are.
  if (!/^NATS_CONFIG=./m.test(present)) kept.push('NATS_CONFIG=secure');
  const lines = Object.entries(put).map(([name, value]) => `${name}=${value}`);
  return `${[...kept, ...lines].join('\n')}\n`;
}

const usage = `Usage: docker compose run --rm init [--file FILE] [--rotate]

Puts the secrets of a deployment into .env, or those that are missing there.

  --file FILE   instead of .env
  --rotate      put new ones there`;

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
    console.log(`${values.file ?? '.env'} has all secrets already: --rotate puts new ones into it`);
    return;
  }
  replaceFile(file, environmentFile(present, secrets));
  const done = !had ? 'The secrets are' : values.rotate ? 'New secrets are' : 'What was missing is';
  console.log(`${done} in ${values.file ?? '.env'}. Now: docker compose up -d --wait`);
}

if (import.meta.main) await runProgram(main);
