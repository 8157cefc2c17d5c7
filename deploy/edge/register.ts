/** The hub's register of edges: the public keys of their leaf connections, in `sites.json` of the data folder. */
import { join } from 'node:path';
import { nkeys } from '@nats-io/nats-core';
import { z } from 'zod';
import type { Config } from '../../shared/process/config.ts';
import { hub } from '../../shared/process/sites.ts';
import { readJson, writeJson } from './json-file.ts';

const entry = z.object({
  /** Null for a removed edge, which may no longer connect; its name and data stay. */
  publicKey: z.string().startsWith('U').nullable(),
});
const shape = z.record(z.string(), entry);

/** Edges by name. */
export type Register = z.infer<typeof shape>;

const fileIn = (dataDir: string): string => join(dataDir, 'sites.json');

/** Reads the register, which is empty if there is no file. @throws Error when the file is invalid */
export const readRegister = (dataDir: string): Register => readJson(fileIn(dataDir), shape) ?? {};
export const writeRegister = (dataDir: string, register: Register): void => writeJson(fileIn(dataDir), register);

/** Returns all sites of a hub, including removed ones, since their data stays. */
export function sitesOf(register: Register): string[] {
  return [hub, ...Object.keys(register)];
}

/** Returns the edges that may no longer connect. */
export function removedOf(register: Register): string[] {
  return Object.keys(register).filter((site) => register[site]?.publicKey === null);
}

/** Returns all sites for a command at the hub: those of SITES, else those in the register. */
export function sitesHere({ site, sites, sitesGiven, dataDir }: Config): string[] {
  return sitesGiven || site !== hub ? sites : sitesOf(readRegister(dataDir));
}

/** Creates a key for the leaf connection of an edge. The hub keeps only the public key. */
export function newKey(): { publicKey: string; seed: string } {
  const pair = nkeys.createUser();
  return { publicKey: pair.getPublicKey(), seed: new TextDecoder().decode(pair.getSeed()) };
}
