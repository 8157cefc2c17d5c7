/** Who the users of the broker are, without what they may do. */
import { serviceNames } from '../../services/index.ts';

/** All users but that of the broker's own account. */
export const userNames: readonly string[] = [...serviceNames, 'seed', 'streams', 'operator'];

/** A user of the broker's own account, for `nats server` and for leaving or moving in a cluster. */
export const systemUser = 'system';

/** Name of the environment variable with a user's public key; with `_SEED` behind it, its secret. */
export function keyVariable(user: string): string {
  return `NKEY_${user.toUpperCase().replaceAll('-', '_')}`;
}
