/** Callers, and what they may do. */
import { AppError, invalid } from './errors.ts';
import type { Operation } from './operation.ts';

export interface Caller {
  /** Undefined for an anonymous caller. */
  userId: string | undefined;
  roles: readonly string[];
  /** Whether access is open: everything is allowed. */
  open: boolean;
  /** When the token expires, including the clock tolerance, in milliseconds since 1970. */
  expiresAt?: number;
}

/** The sender of a request as stated in it. The access mode decides which of these is read; the rest is ignored. */
export interface Credentials {
  /** Result of bearerToken. */
  readonly token?: string | undefined;
  /** Result of namedUser. */
  readonly user?: string | undefined;
  /** Address of an anonymous client, used only for fair scheduling. */
  readonly from?: string | undefined;
}

/** Identifies callers by the credentials of their requests. */
export interface Identity {
  open: boolean;
  /** A problem with checking callers that operators should know. */
  readonly warning?: string | undefined;
  /**
   * Returns the caller of a token; in open mode the user that the request names. Synchronous if possible.
   * @throws AppError unauthenticated for an unacceptable token, invalid for an unacceptable user
   */
  of(given: Credentials): Caller | Promise<Caller>;
}

/**
 * Returns the token of an Authorization header, over HTTP and NATS; undefined without the header.
 * @throws AppError unauthenticated if the header is not a bearer token
 */
export function bearerToken(authorization: string | undefined): string | undefined {
  if (!authorization) return undefined;
  const token = /^bearer +(\S+)$/i.exec(authorization.trim())?.[1];
  if (token === undefined) throw new AppError('unauthenticated', 'The Authorization header must be: Bearer <token>.');
  return token;
}

/**
 * Returns the user of an X-User-Id header, over HTTP and NATS; undefined without the header. The value must be
 * percent-encoded UTF-8: HTTP carries only ASCII reliably, and bytes read in another encoding would name another user.
 * A comma must be encoded, too, because repeated headers arrive joined by commas.
 * @throws AppError invalid for any other value
 */
export function namedUser(header: string | undefined): string | undefined {
  if (!header) return undefined;
  try {
    if (/^[\x20-\x2b\x2d-\x7e]+$/.test(header)) return decodeURIComponent(header);
  } catch {
    // Malformed percent-encoding.
  }
  const message = 'must be given once, in percent-encoded UTF-8: Jos%C3%A9 for José, %2C for a comma, %25 for %';
  throw invalid({ field: 'X-User-Id', message });
}

/** Refuses an anonymous caller of an operation that is not public. @throws AppError unauthenticated */
export function requireCaller({ access }: Pick<Operation, 'access'>, { open, userId }: Caller): void {
  if (access !== 'public' && userId === undefined && !open) {
    throw new AppError('unauthenticated', 'This operation needs a valid token.');
  }
}

/** Checks a caller against an operation's `access`. @throws AppError forbidden */
export function requireAccess(operation: Operation, input: Record<string, unknown>, caller: Caller): void {
  if (caller.open || operation.access === 'public') return;
  const { roles, userId } = caller;
  if (operation.access === 'known' || roles.includes('admin')) return;
  if (operation.access === 'self' && (input.userId === userId || roles.includes('agent'))) return;
  if (operation.access === 'agent' && roles.includes('agent')) return;
  const allowed = operation.access === 'self' ? 'the user named in the request' : `an ${operation.access}`;
  throw new AppError('forbidden', `Only ${allowed} may do this.`);
}
