/** What an edge knows of itself: `site.json` in its folder, readable for its owner only. */
import { join } from 'node:path';
import { z } from 'zod';
import { readJson, writeJson } from './json-file.ts';

const shape = z.object({
  /** Addresses of the hub's leaf listeners without the secret, separated by commas: one for each of its brokers. */
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
 * Takes `nats-leaf://SEED@HOST:PORT,HOST:PORT` apart. With `tls://` the link is encrypted.
 * @throws Error that says what is wrong with it
 */
export function hubAddress(text: string): Pick<EdgeFile, 'hub' | 'seed'> {
  const wrong = (what: string): Error => new Error(`--hub ${text.replace(/SU[A-Z0-9]+/, 'SU…')}: ${what}`);
  const [, scheme, seed = '', hosts = ''] = /^(nats-leaf|tls):\/\/(?:(\w*)@)?(.*)$/.exec(text) ?? [];
  if (scheme === undefined) throw wrong('must begin with nats-leaf:// or tls://, as the hub printed it');
  if (!/^SU[A-Z2-7]{56}$/.test(seed))
    throw wrong('has no secret key (SU… and 56 more letters and digits) before the @');
  const urls = hosts.split(',').map((host) => {
    if (!/^[^/@]+$/.test(host) || !URL.canParse(`http://${host}`)) throw wrong(`"${host}" is no HOST:PORT`);
    return `${scheme}://${/:\d+$/.test(host) ? host : `${host}:${defaultLeafPort}`}`;
  });
  return { hub: urls.join(), seed };
}

export const defaultLeafPort = 7422;
