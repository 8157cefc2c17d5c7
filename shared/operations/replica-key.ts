/** What all replicas of a program know and nobody else does. */
import { scryptSync } from 'node:crypto';
import type { Config } from '../process/config.ts';

/**
 * Material for keys: the secret of tokens or, where those are checked with the keys at a URL, how the program proves itself to
 * the broker. Undefined where the broker lets everyone in. People choose passwords: whoever has something that was encrypted
 * with one could guess it, so that each guess is made slow.
 */
export function replicaKey({ access, nats }: Pick<Config, 'access' | 'nats'>): string | Uint8Array | undefined {
  return access.secret ?? nats.nkeySeed ?? (nats.password && scryptSync(nats.password, 'marquee', 32));
}
