/** A secret that all replicas of a service share. */
import { scryptSync } from 'node:crypto';
import type { Config } from '../process/config.ts';

/**
 * Returns key material: the JWT secret, or without one the service's credentials at the broker; undefined if the broker
 * has no users. A password goes through scrypt, because it could be guessed from anything encrypted with it.
 */
export function replicaKey({ access, nats }: Pick<Config, 'access' | 'nats'>): string | Uint8Array | undefined {
  return access.secret ?? nats.nkeySeed ?? (nats.password && scryptSync(nats.password, 'marquee', 32));
}
