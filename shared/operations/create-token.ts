/** Creates tokens, for development and for the programs of this repository that call services. */
import { SignJWT } from 'jose';
import type { Config } from '../process/config.ts';

/**
 * Creates a JWT signed with the configured secret.
 * @param expiresIn a duration such as `1h` or `30d`
 * @throws Error if JWT_SECRET is not set
 */
export async function createToken(
  { access: { secret, issuer, audience } }: Pick<Config, 'access'>,
  { userId, roles, expiresIn }: { userId: string; roles: string[]; expiresIn: string },
): Promise<string> {
  if (secret === undefined)
    throw new Error('JWT_SECRET is not set: set it to the secret of the services, which signs their tokens');
  const jwt = new SignJWT({ roles })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(userId)
    .setIssuedAt()
    .setExpirationTime(expiresIn);
  if (issuer !== undefined) jwt.setIssuer(issuer);
  if (audience !== undefined) jwt.setAudience(audience);
  return jwt.sign(new TextEncoder().encode(secret));
}

/** Returns a token for a program such as the seed: MARQUEE_TOKEN, one signed with JWT_SECRET, or none in open mode. */
export async function programToken(config: Config): Promise<string | undefined> {
  if (config.marqueeToken !== undefined) return config.marqueeToken;
  if (config.access.secret === undefined) return undefined;
  return createToken(config, { userId: 'marquee-seed', roles: ['admin'], expiresIn: '1d' });
}
