/** Who calls, and what they may do. */
import type { Operation } from './contract.ts';
import { AppError } from './errors.ts';

export interface Caller {
  /** Undefined for someone unknown. */
  userId: string | undefined;
  roles: readonly string[];
  /** In open mode everything is allowed. */
  open: boolean;
}

/** Turns what a request carries into a caller. */
export interface Identity {
  /** @throws AppError unauthenticated for a token that is not valid. Answers at once where it can. */
  of(token: string | null, user: string | null): Caller | Promise<Caller>;
}

/** Open mode: everyone may do everything, and is who they say. */
export const openIdentity: Identity = {
  of: (_token, user) => openCaller(user ?? undefined),
};

/** A caller in open mode, named by the X-User-Id header or by nobody. */
export function openCaller(userId?: string): Caller {
  return { userId: userId && /^[A-Za-z0-9_-]{1,64}$/.test(userId) ? userId : undefined, roles: [], open: true };
}

/**
 * Checks an operation's `access`.
 * @throws AppError unauthenticated for someone unknown, forbidden for someone known.
 */
export function requireAccess(operation: Operation, input: Record<string, unknown>, caller: Caller): void {
  if (caller.open || operation.access === 'public') return;
  if (caller.userId === undefined) throw new AppError('unauthenticated', 'This needs a valid token.');
  const { roles, userId } = caller;
  if (roles.includes('admin')) return;
  if (operation.access === 'self' && (input.userId === userId || roles.includes('agent'))) return;
  if (operation.access === 'agent' && roles.includes('agent')) return;
  throw new AppError(
    'forbidden',
    `This is for ${operation.access === 'self' ? 'the user it is about' : `an ${operation.access}`}.`,
  );
}
