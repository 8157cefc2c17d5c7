/** Names of the broker's users, without their permissions. */
import { serviceNames } from '../../services/index.ts';

/** All users except the one of the system account. */
export const userNames: readonly string[] = [...serviceNames, 'seed', 'streams', 'operator'];

/** A user of the system account, for `nats server` commands such as moving streams off a broker of a cluster. */
export const systemUser = 'system';

/** Returns the environment variable of a user's public key; with the suffix `_SEED` it holds the secret key. */
export function keyVariable(user: string): string {
  return `NKEY_${user.toUpperCase().replaceAll('-', '_')}`;
}
