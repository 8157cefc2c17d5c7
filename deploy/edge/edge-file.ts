/** What an edge knows of itself: `site.json` in its folder, readable for its owner only. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

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
export function readEdge(folder: string): EdgeFile | undefined {
  const file = fileIn(folder);
  if (!existsSync(file)) return undefined;
  try {
    return shape.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new Error(`${file} does not fit: ${error instanceof z.ZodError ? z.prettifyError(error) : error}`);
  }
}

export function writeEdge(folder: string, edge: EdgeFile): void {
  mkdirSync(folder, { recursive: true });
  const file = fileIn(folder);
  writeFileSync(`${file}.part`, `${JSON.stringify(edge, null, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.part`, file);
}

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
