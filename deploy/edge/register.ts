/** What the hub knows of its edges: the public keys of their leaf connections, in `sites.json` of the data folder. */
import { join } from 'node:path';
import { nkeys } from '@nats-io/nats-core';
import { z } from 'zod';
import type { Config } from '../../shared/process/config.ts';
import { hub } from '../../shared/process/sites.ts';
import { readJson, writeJson } from './json-file.ts';

const entry = z.object({
  /** Null: it may not connect any more. What it has made stays, and so does its name. */
  publicKey: z.string().startsWith('U').nullable(),
});
const shape = z.record(z.string(), entry);

/** Edges by their names. */
export type Register = z.infer<typeof shape>;

const fileIn = (dataDir: string): string => join(dataDir, 'sites.json');

/** @throws Error where the file does not fit. */
export const readRegister = (dataDir: string): Register => readJson(fileIn(dataDir), shape) ?? {};
export const writeRegister = (dataDir: string, register: Register): void => writeJson(fileIn(dataDir), register);

/** All sites of a hub: those that may not connect any more are among them, since what they made stays. */
export function sitesOf(register: Register): string[] {
  return [hub, ...Object.keys(register)];
}

/** Edges that may not connect any more. */
export function removedOf(register: Register): string[] {
  return Object.keys(register).filter((site) => register[site]?.publicKey === null);
}

/** All sites, for a command at the hub: as SITES says, or else what `npm run site` has written into the data folder. */
export function sitesHere({ site, sites, sitesGiven, dataDir }: Config): string[] {
  return sitesGiven || site !== hub ? sites : sitesOf(readRegister(dataDir));
}

/** A new key for the leaf connection of an edge. The hub keeps the public half only. */
export function newKey(): { publicKey: string; seed: string } {
  const pair = nkeys.createUser();
  return { publicKey: pair.getPublicKey(), seed: new TextDecoder().decode(pair.getSeed()) };
}
