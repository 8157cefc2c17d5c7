/** How callers are known: by their word in open mode, else by token. */

import { hash } from 'node:crypto';
import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import type { AccessConfig } from '../process/config.ts';
import type { Caller, Credentials, Identity } from './access.ts';
import { AppError, invalid } from './errors.ts';
import { isUserId } from './ids.ts';
import { type KeepOptions, RemoteKeys } from './remote-keys.ts';

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

const nobody: Caller = { userId: undefined, roles: [], open: false };
const maxTokenLength = 8192;
const tokenPattern = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** Callers that are remembered: each takes at most some 2 KB, whatever its token says. */
const mostKnown = 10_000;

/** A token that was verified is remembered until it expires, or its key may have gone. */
class TokenIdentity implements Identity {
  readonly open = false;
  readonly #verify: (token: string) => Promise<{ payload: JWTPayload }>;
  readonly #toleranceMs: number;
  /** By the digest of their token, the oldest first: whoever sends long tokens must not fill the memory with them. */
  readonly #callers = new Map<string, Caller>();
  /** Where tokens are checked with those of a URL. */
  readonly #keys: RemoteKeys | undefined;

  constructor({ secret, jwksUrl, issuer, audience, clockToleranceS }: AccessConfig, keep: KeepOptions) {
    this.#toleranceMs = clockToleranceS * 1000;
    const claims: JWTVerifyOptions = {
      requiredClaims: ['sub', 'exp'],
      clockTolerance: clockToleranceS,
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    };
    if (jwksUrl !== undefined) {
      const keys = new RemoteKeys(jwksUrl, keep);
      this.#keys = keys;
      // A fixed list: a token must not choose how it is checked.
      const algorithms = ['RS256', 'ES256', 'EdDSA', 'Ed25519'];
      this.#verify = (token) => jwtVerify(token, keys.find, { ...claims, algorithms });
    } else {
      const key = new TextEncoder().encode(secret);
      this.#verify = (token) => jwtVerify(token, key, { ...claims, algorithms: ['HS256'] });
    }
  }

  get warning(): string | undefined {
    return this.#keys?.warning;
  }

  of(given: Credentials): Caller | Promise<Caller> {
    const { token } = given;
    if (token === null && given.user === null) return nobody;
    if (token === null) throw notValid('X-User-Id says who calls where access is open only: here a token does.');
    if (token.length > maxTokenLength) throw notValid(`A token may have ${maxTokenLength} characters.`);
    if (!tokenPattern.test(token)) throw notValid();
    const key = hash('sha256', token, 'base64');
    const isDue = this.#keys?.isDue ?? false;
    return (isDue ? undefined : this.#known(key)) ?? this.#check(token, key, isDue);
  }

  #known(key: string): Caller | undefined {
    const caller = this.#callers.get(key);
    return Number(caller?.expiresAt) > Date.now() ? caller : undefined;
  }

  async #check(token: string, key: string, isDue: boolean): Promise<Caller> {
    // A key may have gone.
    if (isDue && (await this.#keys?.refresh())) this.#callers.clear();
    const known = this.#known(key);
    if (known) return known;
    let payload: JWTPayload;
    try {
      ({ payload } = await this.#verify(token));
    } catch (error) {
      throw refusal(error);
    }
    if (typeof payload.sub !== 'string' || !isUserId(payload.sub)) {
      throw notValid('The token names no user: its sub must have 1 to 255 characters.');
    }
    const expiresAt = (payload.exp as number) * 1000 + this.#toleranceMs;
    const caller = { userId: payload.sub, roles: rolesOf(payload), open: false, expiresAt };
    this.#callers.delete(key);
    this.#callers.set(key, caller);
    const [oldest = key] = this.#callers.keys();
    if (this.#callers.size > mostKnown) this.#callers.delete(oldest);
    return caller;
  }
}

/** Which of the roles that mean something here are in `roles`: a list, or one text with spaces. */
function rolesOf({ roles }: JWTPayload): string[] {
  const given: unknown[] = Array.isArray(roles) ? roles : String(roles).split(' ');
  return ['agent', 'admin'].filter((role) => given.includes(role));
}

function notValid(detail = 'The token is not valid.'): AppError {
  return new AppError('unauthenticated', detail);
}

/** The reason is told; the token is not. */
function refusal(error: unknown): AppError {
  if (error instanceof errors.JWTExpired) return notValid('The token has expired.');
  if (error instanceof errors.JWTClaimValidationFailed)
    return notValid(`The token's claim ${error.claim} does not fit.`);
  return notValid();
}
