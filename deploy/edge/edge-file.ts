/** What an edge knows of itself: `site.json` in its folder, readable for its owner only. */
import { join } from 'node:path';
import { z } from 'zod';
import { readJson, writeJson } from './json-file.ts';

const shape = z.object({
  /** Address of the hub's leaf listener, without the secret. */
  hub: z.string(),
  /** Secret key of the leaf connection. */
  seed: z.string().startsWith('SU'),
  /** File with the certificate authority of the hub, where it is not one that the system knows. */
  ca: z.string().optional(),
  /** All sites, as the hub said last. */
  sites: z.array(z.string()),
});
export type EdgeFile = z.infer<typeof shape>;

const fileIn = (folder: string): string => join(folder, 'site.json');

/** Undefined where there is none yet. @throws Error where it does not fit */
export const readEdge = (folder: string): EdgeFile | undefined => readJson(fileIn(folder), shape);
export const writeEdge = (folder: string, edge: EdgeFile): void => writeJson(fileIn(folder), edge, 0o600);

/**
 * Takes `nats-leaf://SEED@HOST:PORT` apart. With `tls://` the link is encrypted.
 * @throws Error that says what is wrong with it
 */
export function hubAddress(text: string): Pick<EdgeFile, 'hub' | 'seed'> {
  const wrong = (what: string): Error => new Error(`--hub ${text.replace(/SU[A-Z0-9]+/, 'SU…')}: ${what}`);
  if (!URL.canParse(text)) throw wrong('must be nats-leaf://SEED@HOST:PORT, as the hub printed it');
  const { protocol, username, hostname, port } = new URL(text);
  if (protocol !== 'nats-leaf:' && protocol !== 'tls:') throw wrong('must begin with nats-leaf:// or tls://');
  if (!/^SU[A-Z2-7]{56}$/.test(username))
    throw wrong('has no secret key (SU… and 56 more letters and digits) before the @');
  if (hostname === '') throw wrong('has no host');
  return { hub: `${protocol}//${hostname}:${port || defaultLeafPort}`, seed: username };
}

export const defaultLeafPort = 7422;
