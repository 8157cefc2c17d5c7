/** Callers by JWT, checked with a shared secret or with the keys at a URL. */
import { hash } from 'node:crypto';
import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import type { AccessConfig } from '../process/config.ts';
import type { Caller, Credentials, Identity } from './access.ts';
import { AppError } from './errors.ts';
import { isUserId } from './ids.ts';
import type { KeptKeys } from './kept-keys.ts';

const nobody: Caller = { userId: undefined, roles: [], open: false };
const maxTokenLength = 8192;
const tokenPattern = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** Callers that are remembered: each takes at most some 2 KB, whatever its token says. */
const mostKnown = 10_000;
/** After the keys could not be fetched, callers known before are believed for so long before it is tried again. */
const keysRetryMs = 5000;

/** A token that was verified is remembered until it expires, or its key may have gone. */
export class TokenIdentity implements Identity {
  readonly open = false;
  readonly #verify: (token: string) => Promise<{ payload: JWTPayload }>;
  readonly #keysAreFresh: () => boolean;
  readonly #toleranceMs: number;
  /** By the digest of their token, the oldest first: whoever sends long tokens must not fill the memory with them. */
  readonly #callers = new Map<string, Caller>();
  readonly #kept: KeptKeys | undefined;
  #keysRetryAt = 0;

  /** @param kept where keys of a URL are kept; left out, nowhere */
  constructor({ secret, jwksUrl, issuer, audience, clockToleranceS }: AccessConfig, kept?: KeptKeys) {
    this.#kept = kept;
    this.#toleranceMs = clockToleranceS * 1000;
    const claims: JWTVerifyOptions = {
      requiredClaims: ['sub', 'exp'],
      clockTolerance: clockToleranceS,
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    };
    if (jwksUrl !== undefined) {
      const keys = remoteKeys(jwksUrl, () => this.#callers.clear(), kept);
      this.#keysAreFresh = () => keys.fresh;
      // A fixed list: a token must not choose how it is checked.
      const algorithms = ['RS256', 'ES256', 'EdDSA', 'Ed25519'];
      this.#verify = (token) => jwtVerify(token, keys as JWTVerifyGetKey, { ...claims, algorithms });
    } else {
      const key = new TextEncoder().encode(secret);
      this.#keysAreFresh = () => true;
      this.#verify = (token) => jwtVerify(token, key, { ...claims, algorithms: ['HS256'] });
    }
  }

  get warning(): string | undefined {
    return this.#kept?.warning;
  }

  of(given: Credentials): Caller | Promise<Caller> {
    const { token } = given;
    if (token === null && given.user === null) return nobody;
    if (token === null) throw notValid('X-User-Id says who calls where access is open only: here a token does.');
    if (token.length > maxTokenLength) throw notValid(`A token may have ${maxTokenLength} characters.`);
    if (!tokenPattern.test(token)) throw notValid();
    const key = hash('sha256', token, 'base64');
    const remembered = this.#callers.get(key);
    const known = remembered && Number(remembered.expiresAt) > Date.now() ? remembered : undefined;
    if (known && (this.#keysAreFresh() || Date.now() < this.#keysRetryAt)) return known;
    return this.#check(token, key, known);
  }

  async #check(token: string, key: string, known: Caller | undefined): Promise<Caller> {
    let payload: JWTPayload;
    try {
      ({ payload } = await this.#verify(token));
    } catch (error) {
      const refused = refusal(error);
      if (refused.code !== 'unavailable' || !known) throw refused;
      this.#keysRetryAt = Date.now() + keysRetryMs;
      return known;
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

class KeysUnavailable extends Error {}

/** The keys at a URL, fetched again every ten minutes and when a token names one that is unknown; else those that were kept. */
function remoteKeys(url: string, onFetched: () => void, kept: KeptKeys | undefined) {
  return createRemoteJWKSet(new URL(url), {
    timeoutDuration: 2000,
    cooldownDuration: 5000,
    async [customFetch](...request) {
      let failure: unknown;
      try {
        const response = await fetch(...request);
        const text = await response.text();
        if (response.ok) {
          onFetched();
          kept?.keep(text);
        }
        const last = response.ok ? undefined : kept?.use();
        return last === undefined ? new Response(text, { status: response.status }) : new Response(last);
      } catch (error) {
        failure = error;
      }
      const last = kept?.use();
      if (last === undefined) throw new KeysUnavailable('the keys cannot be fetched', { cause: failure });
      return new Response(last);
    },
  });
}

/** Which of the roles that mean something here are in `roles`: a list, or one text with spaces. */
function rolesOf({ roles }: JWTPayload): string[] {
  const given: unknown[] = Array.isArray(roles) ? roles : String(roles).split(' ');
  return ['agent', 'admin'].filter((role) => given.includes(role));
}

function notValid(detail = 'The token is not valid.'): AppError {
  return new AppError('unauthenticated', detail);
}

/** Whether it is the caller's fault or that of the keys. The reason is told; the token is not. */
function refusal(error: unknown): AppError {
  if (error instanceof errors.JWTExpired) return notValid('The token has expired.');
  if (error instanceof errors.JWTClaimValidationFailed)
    return notValid(`The token's claim ${error.claim} does not fit.`);
  const isKeySet =
    error instanceof KeysUnavailable || error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid;
  // Of a response that is no key set jose throws the general error.
  if (isKeySet || (error instanceof errors.JOSEError && error.code === 'ERR_JOSE_GENERIC')) {
    return new AppError('unavailable', 'The keys that tokens are checked with cannot be read.', { cause: error });
  }
  return notValid();
}
