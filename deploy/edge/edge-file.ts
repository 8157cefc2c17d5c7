/** Settings of an edge: `site.json` in its folder, readable only by its owner. */
import { join } from 'node:path';
import { z } from 'zod';
import { readJson, writeJson } from './json-file.ts';

const shape = z.object({
  /** Addresses of the leaf listeners of the hub's brokers, separated by commas, without the secret. */
  hub: z.string(),
  /** Secret key of the leaf connection. */
  seed: z.string().startsWith('SU'),
  /** File with the hub's certificate authority, if the system does not know it. */
  ca: z.string().optional(),
  /** All sites, as last announced by the hub. */
  sites: z.array(z.string()),
});
export type EdgeFile = z.infer<typeof shape>;

const fileIn = (folder: string): string => join(folder, 'site.json');

/** Reads the file; undefined if there is none yet. @throws Error when it is invalid */
export const readEdge = (folder: string): EdgeFile | undefined => readJson(fileIn(folder), shape);
export const writeEdge = (folder: string, edge: EdgeFile): void => writeJson(fileIn(folder), edge, 0o600);

/**
 * Parses `nats-leaf://SEED@HOST:PORT,HOST:PORT`. With `tls://` the link is encrypted.
 * @throws Error that says what is wrong with the text
 */
export function hubAddress(text: string): Pick<EdgeFile, 'hub' | 'seed'> {
  const invalid = (what: string): Error => new Error(`--hub ${text.replace(/SU[A-Z0-9]+/, 'SU…')}: ${what}`);
  const [, scheme, seed = '', hosts = ''] = /^(nats-leaf|tls):\/\/(?:(\w*)@)?(.*)$/.exec(text) ?? [];
  if (scheme === undefined) throw invalid('must begin with nats-leaf:// or tls://, as the hub printed it');
  if (!/^SU[A-Z2-7]{56}$/.test(seed))
    throw invalid('has no secret key (SU and 56 more letters and digits) before the @');
  const urls = hosts.split(',').map((host) => {
    if (!/^[^/@]+$/.test(host) || !URL.canParse(`http://${host}`)) throw invalid(`"${host}" is not HOST:PORT`);
    return `${scheme}://${/:\d+$/.test(host) ? host : `${host}:${defaultLeafPort}`}`;
  });
  return { hub: urls.join(), seed };
}

export const defaultLeafPort = 7422;
