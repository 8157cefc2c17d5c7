/** Who calls, and what they may do. */
import {
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import type { AccessConfig } from '../process/config.ts';
import { AppError } from './errors.ts';
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

/** What a request says of who sends it. One of them counts, and may be looked up only when it is asked for. */
export interface Credentials {
  readonly token: string | null;
  readonly user: string | null;
}

/** Turns what a request carries into a caller. */
export interface Identity {
  open: boolean;
  /**
   * The caller of a token; in open mode of the user that the request names.
   * @throws AppError unauthenticated for a token that is not valid. Answers at once where it can.
   */
  of(given: Credentials): Caller | Promise<Caller>;
}

const userPattern = /^[A-Za-z0-9_-]{1,64}$/;
const nobody: Caller = { userId: undefined, roles: [], open: false };

const noRoles: readonly string[] = [];

/** Anyone in open mode. Most questions do not ask who it is, and on Deno each header is a call out of JavaScript. */
class OpenCaller implements Caller {
  readonly roles = noRoles;
  readonly open = true;
  readonly #given: Credentials;

  constructor(given: Credentials) {
    this.#given = given;
  }

  get userId(): string | undefined {
    const { user } = this.#given;
    return user !== null && userPattern.test(user) ? user : undefined;
  }
}

/** Open mode: everyone may do everything, and is who they say. */
const openIdentity: Identity = { open: true, of: (given) => new OpenCaller(given) };

/** The way that the configuration wants callers to be known. */
export function createIdentity(access: AccessConfig): Identity {
  if (access.secret === undefined && access.jwksUrl === undefined) return openIdentity;
  return new TokenIdentity(access);
}

const cachedTokens = 10_000;

/** Callers by JWT. A token that was verified is remembered until it expires. */
class TokenIdentity implements Identity {
  readonly open = false;
  readonly #verify: (token: string) => Promise<{ payload: JWTPayload }>;
  readonly #toleranceMs: number;
  readonly #known = new Map<string, Caller & { expiresAt: number }>();

  constructor({ secret, jwksUrl, issuer, audience, clockToleranceS }: AccessConfig) {
    this.#toleranceMs = clockToleranceS * 1000;
    const claims: JWTVerifyOptions = {
      requiredClaims: ['sub', 'exp'],
      clockTolerance: clockToleranceS,
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    };
    if (jwksUrl !== undefined) {
      const keys: JWTVerifyGetKey = createRemoteJWKSet(new URL(jwksUrl), {
        timeoutDuration: 2000,
        cooldownDuration: 5000,
      });
      // A fixed list: a token must not choose how it is checked.
      this.#verify = (token) =>
        jwtVerify(token, keys, { ...claims, algorithms: ['RS256', 'ES256', 'EdDSA', 'Ed25519'] });
    } else {
      const key = new TextEncoder().encode(secret);
      this.#verify = (token) => jwtVerify(token, key, { ...claims, algorithms: ['HS256'] });
    }
  }

  of({ token }: Credentials): Caller | Promise<Caller> {
    if (token === null) return nobody;
    const known = this.#known.get(token);
    if (known && known.expiresAt > Date.now()) return known;
    this.#known.delete(token);
    return this.#check(token);
  }

  async #check(token: string): Promise<Caller> {
    let payload: JWTPayload;
    try {
      ({ payload } = await this.#verify(token));
    } catch (error) {
      throw refusal(error);
    }
    if (typeof payload.sub !== 'string' || !userPattern.test(payload.sub)) {
      throw new AppError('unauthenticated', 'The token names no user (sub).');
    }
    const expiresAt = (payload.exp as number) * 1000 + this.#toleranceMs;
    const caller = { userId: payload.sub, roles: rolesOf(payload), open: false, expiresAt };
    if (this.#known.size >= cachedTokens) this.#known.delete(this.#known.keys().next().value as string);
    this.#known.set(token, caller);
    return caller;
  }
}

/** `roles`: a list, or one text with spaces. */
function rolesOf({ roles }: JWTPayload): string[] {
  if (Array.isArray(roles)) return roles.filter((role) => typeof role === 'string');
  return typeof roles === 'string' ? roles.split(' ').filter(Boolean) : [];
}

/** Which of the caller's and our faults it is. The reason is told; the token is not. */
function refusal(error: unknown): AppError {
  if (error instanceof errors.JWTExpired) return new AppError('unauthenticated', 'The token has expired.');
  if (error instanceof errors.JWTClaimValidationFailed) {
    return new AppError('unauthenticated', `The token's claim ${error.claim} does not fit.`);
  }
  const keysAway = error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError);
  if (keysAway || error.code === 'ERR_JOSE_GENERIC') {
    return new AppError('unavailable', 'The keys that tokens are checked with cannot be read.', { cause: error });
  }
  return new AppError('unauthenticated', 'The token is not valid.');
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
  const whom = operation.access === 'self' ? 'the user it is about' : `an ${operation.access}`;
  throw new AppError('forbidden', `This is for ${whom}.`);
}
