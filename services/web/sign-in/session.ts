/** Who has signed in: a cookie that only this site can read, encrypted and signed. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { EncryptJWT, type JWTPayload, jwtDecrypt } from 'jose';
import { replicaKey } from '../../../shared/operations/replica-key.ts';
import type { Config } from '../../../shared/process/config.ts';

/** What the cookie holds: a name where access is open, otherwise a token that the services check. */
export interface Session {
  user?: string;
  token?: string;
  /** What the provider gives another token for. */
  refresh?: string;
}

const name = 'marquee';
const keptForS = 30 * 24 * 3600;

export class Sessions {
  readonly #key: Uint8Array;
  readonly #trustProxy: boolean;

  constructor(config: Pick<Config, 'access' | 'dataDir' | 'nats' | 'trustProxy'>) {
    const key = replicaKey(config) ?? ownKey(config.dataDir);
    this.#key = createHash('sha256').update('marquee session ').update(key).digest();
    this.#trustProxy = config.trustProxy;
  }

  /** The session of a request; undefined for none, or one that is over or was not made here. */
  async read(c: Context): Promise<Session | undefined> {
    const sealed = getCookie(c, name);
    return sealed === undefined ? undefined : this.open<Session>(sealed);
  }

  async write(c: Context, session: Session, maxAge = keptForS): Promise<void> {
    setCookie(c, name, await this.seal({ ...session }, maxAge), { ...this.#attributes(c), maxAge });
  }

  clear(c: Context): void {
    deleteCookie(c, name, this.#attributes(c));
  }

  /** Encrypts something for the browser to keep. */
  seal(content: JWTPayload, forSeconds: number): Promise<string> {
    return new EncryptJWT(content)
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .setExpirationTime(`${forSeconds}s`)
      .encrypt(this.#key);
  }

  /** What was sealed; undefined for what is too old, or was not sealed here. */
  async open<T>(sealed: string): Promise<T | undefined> {
    try {
      return (await jwtDecrypt(sealed, this.#key)).payload as T;
    } catch {
      return undefined;
    }
  }

  /** Where the browser sees this site: behind a proxy that ends HTTPS the scheme is another one than here. */
  originOf(c: Context): string {
    const { origin, host } = new URL(c.req.url);
    return this.#trustProxy && c.req.header('x-forwarded-proto') === 'https' ? `https://${host}` : origin;
  }

  #attributes(c: Context) {
    const secure = this.originOf(c).startsWith('https:');
    return { path: '/', httpOnly: true, sameSite: 'Lax', secure } as const;
  }
}

/** A key of this folder, where replicas have nothing in common: a restart signs nobody out. */
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
      // Nowhere to keep it, as in a read-only container: it lasts as long as this process.
    }
    return made;
  }
}
