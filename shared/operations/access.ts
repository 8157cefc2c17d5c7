/** Who calls, and what they may do. */
import { AppError, invalid } from './errors.ts';
import type { Operation } from './operation.ts';

export interface Caller {
  /** Undefined for someone unknown. */
  userId: string | undefined;
  roles: readonly string[];
  /** In open mode everything is allowed. */
  open: boolean;
  /** When the token is no longer valid, with the tolerance for clocks. Milliseconds since 1970. */
  expiresAt?: number;
}

/** What a request says of who sends it. The mode decides which of them counts; only that one is looked at. */
export interface Credentials {
  /** What bearerToken gives. */
  readonly token?: string | undefined;
  /** What namedUser gives. */
  readonly user?: string | undefined;
  /** Address of a client that names nobody: for taking turns, and for nothing else. */
  readonly from?: string | undefined;
}

/** Turns what a request carries into a caller. */
export interface Identity {
  open: boolean;
  /** What operators should know of how callers are checked. */
  readonly warning?: string | undefined;
  /**
   * The caller of a token; in open mode the user that the request names. Synchronous where it can be.
   * @throws AppError for someone who is named but not acceptable: unauthenticated for a token, invalid for a user.
   */
  of(given: Credentials): Caller | Promise<Caller>;
}

/**
 * The token of an Authorization header, for HTTP and NATS alike; undefined without one.
 * @throws AppError unauthenticated for another scheme, or none
 */
export function bearerToken(authorization: string | undefined): string | undefined {
  if (!authorization) return undefined;
  const token = /^bearer +(\S+)$/i.exec(authorization.trim())?.[1];
  if (token === undefined) throw new AppError('unauthenticated', 'The Authorization header must be: Bearer <token>.');
  return token;
}

/**
 * The user of an X-User-Id header, for HTTP and NATS alike; undefined without one. It is percent-encoded UTF-8: no other
 * characters come through HTTP, and read in another encoding they would be another user.
 * @throws AppError invalid for what is not
 */
export function namedUser(header: string | undefined): string | undefined {
  if (!header) return undefined;
  try {
    if (/^[\x20-\x7e]+$/.test(header)) return decodeURIComponent(header);
  } catch {
    // A % that encodes nothing.
  }
  const message = 'must be ASCII, with all else as percent-encoded UTF-8: Jos%C3%A9 for José, and %25 for %';
  throw invalid({ field: 'X-User-Id', message });
}

/** Refuses someone unknown where a caller is needed. @throws AppError unauthenticated */
export function requireCaller({ access }: Pick<Operation, 'access'>, { open, userId }: Caller): void {
  if (access !== 'public' && userId === undefined && !open) {
    throw new AppError('unauthenticated', 'This needs a valid token.');
  }
}

/** Checks an operation's `access`. @throws AppError forbidden */
export function requireAccess(operation: Operation, input: Record<string, unknown>, caller: Caller): void {
  if (caller.open || operation.access === 'public') return;
  const { roles, userId } = caller;
  if (operation.access === 'known' || roles.includes('admin')) return;
  if (operation.access === 'self' && (input.userId === userId || roles.includes('agent'))) return;
  if (operation.access === 'agent' && roles.includes('agent')) return;
  const whom = operation.access === 'self' ? 'the user it is about' : `an ${operation.access}`;
  throw new AppError('forbidden', `This is for ${whom}.`);
}
