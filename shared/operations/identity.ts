/** How callers are known: by their word in open mode, else by token. */
import type { AccessConfig } from '../process/config.ts';
import type { Caller, Credentials, Identity } from './access.ts';
import { AppError, invalid } from './errors.ts';
import { isUserId } from './ids.ts';
import type { KeepOptions } from './remote-keys.ts';
import { TokenIdentity } from './token-identity.ts';

const anyone: Caller = { userId: undefined, roles: [], open: true };

const noKeys =
  'A token cannot be checked: no key is configured here, and access is open. Leave Authorization out; X-User-Id says who calls.';

/** Whether it was meant for us. Another scheme is for whoever stands in front of us, such as a proxy that asks for a password. */
function bringsToken(given: Credentials): boolean {
  try {
    return given.token !== null;
  } catch {
    return false;
  }
}

/** Open mode: everyone may do everything, and is who they say. */
const openIdentity: Identity = {
  open: true,
  of(given) {
    if (bringsToken(given)) throw new AppError('unauthenticated', noKeys);
    const { user } = given;
    if (user === null || user === '') return anyone;
    if (isUserId(user)) return { userId: user, roles: [], open: true };
    throw invalid({ field: 'X-User-Id', message: 'must be 1 to 255 characters' });
  },
};

/** The way that the configuration wants callers to be known. @param keep what becomes of the keys at a URL */
export function createIdentity(access: AccessConfig, keep: KeepOptions): Identity {
  return access.secret === undefined && access.jwksUrl === undefined ? openIdentity : new TokenIdentity(access, keep);
}
