/** Making tokens: for trials, and for programs of this repository that call services. */
import { SignJWT } from 'jose';
import type { Config } from '../process/config.ts';

export interface TokenClaims {
  userId: string;
  roles: string[];
  /** Validity, such as `1h` or `30d`. */
  expiresIn: string;
}

/** A JWT signed with the configured secret. @throws Error when JWT_SECRET is not set. */
export async function createToken(config: Pick<Config, 'access'>, claims: TokenClaims): Promise<string> {
  const { secret, issuer, audience } = config.access;
  if (secret === undefined) throw new Error('JWT_SECRET is not set: there is nothing to sign a token with');
  const jwt = new SignJWT({ roles: claims.roles })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(claims.userId)
    .setIssuedAt()
    .setExpirationTime(claims.expiresIn);
  if (issuer !== undefined) jwt.setIssuer(issuer);
  if (audience !== undefined) jwt.setAudience(audience);
  return jwt.sign(new TextEncoder().encode(secret));
}

/** The token of a program such as the seed: MARQUEE_TOKEN, or one made with the secret; none in open mode. */
export async function programToken(config: Config): Promise<string | undefined> {
  if (config.marqueeToken !== undefined) return config.marqueeToken;
  if (config.access.secret === undefined) return undefined;
  return createToken(config, { userId: 'marquee-seed', roles: ['admin'], expiresIn: '1d' });
}
