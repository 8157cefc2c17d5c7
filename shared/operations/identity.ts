/** How callers are known: by their word in open mode, else by token. */
import { hash } from 'node:crypto';
import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import type { Config } from '../process/config.ts';
import type { Logger } from '../process/log.ts';
import type { Caller, Credentials, Identity } from './access.ts';
import { AppError, invalid } from './errors.ts';
import { isUserId } from './ids.ts';
import { type KeysConfig, remoteKeys } from './remote-keys.ts';

const anyone: Caller = { userId: undefined, roles: [], open: true };

const noKeys =
  'A token cannot be checked: no key is configured here, and access is open. Leave Authorization out; X-User-Id says who calls.';

/** Whether it was meant for us. Another scheme is for whoever stands in front of us, such as a proxy that asks for a password. */
function bringsToken(given: Credentials): boolean {
  try {
    return given.token !== undefined;
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
    if (!user) return anyone;
    if (isUserId(user)) return { userId: user, roles: [], open: true };
    throw invalid({ field: 'X-User-Id', message: 'must be 1 to 255 characters' });
  },
};

/** How callers prove who they are: by tokens of a shared secret or of the keys at a URL; without either, open. */
type IdentityConfig = Pick<Config, 'access'> & KeysConfig;

export function createIdentity(config: IdentityConfig, log: Logger): Identity {
  const { secret, jwksUrl } = config.access;
  return secret === undefined && jwksUrl === undefined ? openIdentity : tokenIdentity(config, log);
}

const nobody: Caller = { userId: undefined, roles: [], open: false };
const maxTokenLength = 8192;
const tokenPattern = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** Callers that are remembered: each takes at most some 2 KB, whatever its token says. */
const mostKnown = 10_000;

/** A token that was verified is remembered until it expires, or its key may have gone. */
function tokenIdentity(config: IdentityConfig, log: Logger): Identity {
  const { secret, jwksUrl, issuer, audience, clockToleranceS } = config.access;
  const claims: JWTVerifyOptions = {
    requiredClaims: ['sub', 'exp'],
    clockTolerance: clockToleranceS,
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  };
  /** Where tokens are checked with those of a URL. */
  const keys = jwksUrl === undefined ? undefined : remoteKeys(jwksUrl, config, log);
  const key = new TextEncoder().encode(secret);
  // Fixed lists: a token must not choose how it is checked.
  const verify = (token: string) =>
    keys
      ? jwtVerify(token, keys.find, { ...claims, algorithms: ['RS256', 'ES256', 'EdDSA', 'Ed25519'] })
      : jwtVerify(token, key, { ...claims, algorithms: ['HS256'] });
  /** By the digest of their token, the oldest first: whoever sends long tokens must not fill the memory with them. */
  const callers = new Map<string, Caller>();
  const known = (digest: string): Caller | undefined => {
    const caller = callers.get(digest);
    return Number(caller?.expiresAt) > Date.now() ? caller : undefined;
  };
  const check = async (token: string, digest: string): Promise<Caller> => {
    // A key may have gone.
    if (keys?.isDue && (await keys.refresh())) callers.clear();
    const before = known(digest);
    if (before) return before;
    const { payload } = await verify(token).catch((error: unknown) => {
      throw refusal(error);
    });
    if (typeof payload.sub !== 'string' || !isUserId(payload.sub)) {
      throw notValid('The token names no user: its sub must have 1 to 255 characters.');
    }
    const expiresAt = ((payload.exp as number) + clockToleranceS) * 1000;
    const caller = { userId: payload.sub, roles: rolesOf(payload), open: false, expiresAt };
    callers.delete(digest);
    callers.set(digest, caller);
    const [oldest = digest] = callers.keys();
    if (callers.size > mostKnown) callers.delete(oldest);
    return caller;
  };
  return {
    open: false,
    get warning() {
      return keys?.warning;
    },
    of(given) {
      const { token } = given;
      if (token === undefined && given.user === undefined) return nobody;
      if (token === undefined) throw notValid('X-User-Id says who calls where access is open only: here a token does.');
      if (token.length > maxTokenLength) throw notValid(`A token may have ${maxTokenLength} characters.`);
      if (!tokenPattern.test(token)) throw notValid();
      const digest = hash('sha256', token, 'base64');
      return (keys?.isDue ? undefined : known(digest)) ?? check(token, digest);
    },
  };
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
  if (error instanceof AppError) return error;
  if (error instanceof errors.JWTExpired) return notValid('The token has expired.');
  if (error instanceof errors.JWTClaimValidationFailed)
    return notValid(`The token's claim ${error.claim} does not fit.`);
  return notValid();
}
