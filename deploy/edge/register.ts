/** What the hub knows of its edges: the public keys of their leaf connections, in `sites.json` of the data folder. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nkeys } from '@nats-io/nats-core';
import { z } from 'zod';
import type { Config } from '../../shared/process/config.ts';
import { hub } from '../../shared/process/sites.ts';

const entry = z.object({
  /** Null: it may not connect any more. What it has made stays, and so does its name. */
  publicKey: z.string().startsWith('U').nullable(),
});
const shape = z.record(z.string(), entry);

/** Edges by their names. */
export type Register = z.infer<typeof shape>;

const fileIn = (dataDir: string): string => join(dataDir, 'sites.json');

/** @throws Error where the file does not fit. */
export function readRegister(dataDir: string): Register {
  const file = fileIn(dataDir);
  if (!existsSync(file)) return {};
  try {
    return shape.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new Error(`${file} does not fit: ${error instanceof z.ZodError ? z.prettifyError(error) : error}`);
  }
}

export function writeRegister(dataDir: string, register: Register): void {
  mkdirSync(dataDir, { recursive: true });
  const file = fileIn(dataDir);
  writeFileSync(`${file}.part`, `${JSON.stringify(register, null, 2)}\n`, { flush: true });
  renameSync(`${file}.part`, file);
}

/** All sites of a hub: those that may not connect any more are among them, since what they made stays. */
export function sitesOf(register: Register): string[] {
  return [hub, ...Object.keys(register)];
}

/** All sites, for a command at the hub: as SITES says, or else what `npm run site` has written into the data folder. */
export function sitesHere({ site, sites, dataDir }: Pick<Config, 'site' | 'sites' | 'dataDir'>): string[] {
  return process.env.SITES || site !== hub ? sites : sitesOf(readRegister(dataDir));
}

/** A new key for the leaf connection of an edge. The hub keeps the public half only. */
export function newKey(): { publicKey: string; seed: string } {
  const pair = nkeys.createUser();
  return { publicKey: pair.getPublicKey(), seed: new TextDecoder().decode(pair.getSeed()) };
}
