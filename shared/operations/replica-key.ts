/** A secret that all replicas of a service share. */
import { scryptSync } from 'node:crypto';
import type { Config } from '../process/config.ts';

/**
 * Returns key material: the JWT secret or, if tokens are checked with keys at a URL, the service's credentials at the broker.
 * Undefined if the broker has no users. A password goes through scrypt, because passwords can be guessed offline from anything
 * encrypted with them.
 */
export function replicaKey({ access, nats }: Pick<Config, 'access' | 'nats'>): string | Uint8Array | undefined {
  return access.secret ?? nats.nkeySeed ?? (nats.password && scryptSync(nats.password, 'marquee', 32));
}
