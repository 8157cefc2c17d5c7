/** Sessions, kept in an encrypted and authenticated cookie that only this site can read. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { EncryptJWT, type JWTPayload, jwtDecrypt } from 'jose';
import { replicaKey } from '../../../shared/operations/replica-key.ts';
import type { Config } from '../../../shared/process/config.ts';

/** Content of the cookie: a user name if access is open, otherwise a token that the services verify. */
export interface Session {
  user?: string;
  token?: string;
  /** Refresh token of the provider. */
  refresh?: string;
}

const cookieName = 'marquee';
/** Lifetime of a session in seconds. */
const maxAge = 30 * 24 * 3600;
/** Longest value of a cookie: browsers silently ignore a cookie whose name and value have more than 4096 bytes. */
const maxLength = 4000;

export class Sessions {
  readonly #key: Uint8Array;
  readonly #trustProxy: boolean;

  constructor(config: Pick<Config, 'access' | 'dataDir' | 'nats' | 'trustProxy'>) {
    const key = replicaKey(config) ?? ownKey(config.dataDir);
    this.#key = createHash('sha256').update('marquee session ').update(key).digest();
    this.#trustProxy = config.trustProxy;
  }

  /** Returns the session of a request, or undefined if it has none, an expired one, or one from another site. */
  async read(c: Context): Promise<Session | undefined> {
    const sealed = getCookie(c, cookieName);
    return sealed === undefined ? undefined : this.open<Session>(sealed);
  }

  /** Sets the cookie. @throws if the session's token is too long for a cookie, which the log then says */
  async write(c: Context, session: Session): Promise<void> {
    let sealed = await this.seal({ ...session }, maxAge);
    // Without its refresh token a session ends when its token expires.
    if (sealed.length > maxLength) sealed = await this.seal({ ...session, refresh: undefined }, maxAge);
    if (sealed.length > maxLength) throw new Error('The token is too long for a cookie: use fewer claims.');
    setCookie(c, cookieName, sealed, { ...this.#attributes(c), maxAge });
  }

  clear(c: Context): void {
    deleteCookie(c, cookieName, this.#attributes(c));
  }

  /** Encrypts content for a cookie. */
  seal(content: JWTPayload, forSeconds: number): Promise<string> {
    return new EncryptJWT(content)
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .setExpirationTime(`${forSeconds}s`)
      .encrypt(this.#key);
  }

  /** Decrypts sealed content. @returns undefined if it has expired or was not sealed with this key */
  async open<T>(sealed: string): Promise<T | undefined> {
    try {
      return (await jwtDecrypt(sealed, this.#key)).payload as T;
    } catch {
      return undefined;
    }
  }

  /** Returns the origin that the browser uses. Behind a proxy that terminates TLS, its scheme is not this server's. */
  originOf(c: Context): string {
    const { origin, host } = new URL(c.req.url);
    return this.#trustProxy && c.req.header('x-forwarded-proto') === 'https' ? `https://${host}` : origin;
  }

  #attributes(c: Context) {
    const secure = this.originOf(c).startsWith('https:');
    return { path: '/', httpOnly: true, sameSite: 'Lax', secure } as const;
  }
}

/** Returns a key kept in the data folder, so that sessions survive a restart although replicas share no secret. */
function ownKey(dataDir: string): string {
  const file = join(dataDir, 'web.key');
  try {
    return readFileSync(file, 'utf8');
  } catch {
    const made = randomBytes(32).toString('base64url');
    try {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, made, { mode: 0o600, flag: 'wx' });
    } catch {
      // In a read-only container the key lasts as long as this process.
    }
    return made;
  }
}
