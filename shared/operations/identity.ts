/** Identifies callers: by the name they give in open mode, otherwise by token. */
import { hash } from 'node:crypto';
import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import type { Config } from '../process/config.ts';
import type { Logger } from '../process/log.ts';
import type { Caller, Credentials, Identity } from './access.ts';
import { AppError, invalid } from './errors.ts';
import { isUserId } from './ids.ts';
import { type KeysConfig, remoteKeys } from './remote-keys.ts';

const anonymousInOpenMode: Caller = { userId: undefined, roles: [], open: true };

const noKeys =
  'The token cannot be checked: access is open and no key is configured. Name the user in X-User-Id instead.';

/** Returns whether a request has a bearer token. Another scheme may be for a proxy in front of Marquee. */
function hasToken(given: Credentials): boolean {
  try {
    return given.token !== undefined;
  } catch {
    return false;
  }
}

/** Open mode: everyone may do everything, and every caller is the user they name. */
const openIdentity: Identity = {
  open: true,
  of(given) {
    if (hasToken(given)) throw new AppError('unauthenticated', noKeys);
    const { user } = given;
    if (!user) return anonymousInOpenMode;
    if (isUserId(user)) return { userId: user, roles: [], open: true };
    throw invalid({ field: 'X-User-Id', message: 'must be 1 to 255 characters' });
  },
};

/** Keys that tokens are checked with: a shared secret, or a key set at a URL. Without either, access is open. */
type IdentityConfig = Pick<Config, 'access'> & KeysConfig;

export function createIdentity(config: IdentityConfig, log: Logger): Identity {
  const { secret, jwksUrl } = config.access;
  return secret === undefined && jwksUrl === undefined ? openIdentity : tokenIdentity(config, log);
}

const anonymous: Caller = { userId: undefined, roles: [], open: false };
const maxTokenLength = 8192;
const tokenPattern = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** Size of the cache of verified callers. An entry takes at most about 2 KB, whatever its token contains. */
const maxCached = 10_000;

/** Checks tokens. Caches a verified token's caller until the token expires or the key set is refreshed. */
function tokenIdentity(config: IdentityConfig, log: Logger): Identity {
  const { secret, jwksUrl, issuer, audience, clockToleranceS } = config.access;
  const claims: JWTVerifyOptions = {
    requiredClaims: ['sub', 'exp'],
    clockTolerance: clockToleranceS,
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  };
  /** Key set at a URL, if tokens are checked with one. */
  const keys = jwksUrl === undefined ? undefined : remoteKeys(jwksUrl, config, log);
  const key = new TextEncoder().encode(secret);
  // Fixed lists of algorithms: a token must not choose how it is checked.
  const verify = (token: string) =>
    keys
      ? jwtVerify(token, keys.find, { ...claims, algorithms: ['RS256', 'ES256', 'EdDSA', 'Ed25519'] })
      : jwtVerify(token, key, { ...claims, algorithms: ['HS256'] });
  /** Verified callers by the digest of their token, oldest first. The tokens themselves could fill the memory. */
  let callers = new Map<string, Caller>();
  const cached = (digest: string): Caller | undefined => {
    const caller = callers.get(digest);
    return Number(caller?.expiresAt) > Date.now() ? caller : undefined;
  };
  const check = async (token: string, digest: string): Promise<Caller> => {
    // Keys may have been removed. Tokens that are being verified with them then go to the previous cache.
    if (keys?.isDue && (await keys.refresh())) callers = new Map();
    const known = cached(digest);
    if (known) return known;
    const cache = callers;
    const { payload } = await verify(token).catch((error: unknown) => {
      throw refusal(error);
    });
    if (typeof payload.sub !== 'string' || !isUserId(payload.sub)) {
      throw notValid('The token names no valid user: its sub must have 1 to 255 characters.');
    }
    const expiresAt = ((payload.exp as number) + clockToleranceS) * 1000;
    const caller = { userId: payload.sub, roles: rolesOf(payload), open: false, expiresAt };
    cache.delete(digest);
    cache.set(digest, caller);
    const [oldest = digest] = cache.keys();
    if (cache.size > maxCached) cache.delete(oldest);
    return caller;
  };
  return {
    open: false,
    get warning() {
      return keys?.warning;
    },
    of(given) {
      const { token } = given;
      if (token === undefined && given.user === undefined) return anonymous;
      if (token === undefined) throw notValid('X-User-Id is accepted only while access is open: send a token instead.');
      if (token.length > maxTokenLength) throw notValid(`A token may have at most ${maxTokenLength} characters.`);
      if (!tokenPattern.test(token)) throw notValid();
      const digest = hash('sha256', token, 'base64');
      return (keys?.isDue ? undefined : cached(digest)) ?? check(token, digest);
    },
  };
}

/** Returns the roles of Marquee in the claim `roles`, which is a list or a space-separated text. */
function rolesOf({ roles }: JWTPayload): string[] {
  const given: unknown[] = Array.isArray(roles) ? roles : String(roles).split(' ');
  return ['agent', 'admin'].filter((role) => given.includes(role));
}

function notValid(detail = 'The token is not valid.'): AppError {
  return new AppError('unauthenticated', detail);
}

/** Converts an error of jose to one for the caller, which has the reason but no part of the token. */
function refusal(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof errors.JWTExpired) return notValid('The token has expired.');
  if (error instanceof errors.JWTClaimValidationFailed)
    return notValid(`The token's claim ${error.claim} is not valid.`);
  return notValid();
}
