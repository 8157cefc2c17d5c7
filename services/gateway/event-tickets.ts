/** Tickets for live events: EventSource cannot send a token, and a token in a URL would end up in proxy logs. */
import { hkdfSync, randomBytes } from 'node:crypto';
import { EncryptJWT, errors, jwtDecrypt } from 'jose';
import type { Caller } from '../../shared/operations/access.ts';
import { AppError } from '../../shared/operations/errors.ts';
import { replicaKey } from '../../shared/operations/replica-key.ts';
import type { Config } from '../../shared/process/config.ts';

const lifetimeMs = 60_000;

/** Who listens, and when their token expires (milliseconds since 1970). */
export type ListeningCaller = Pick<Caller, 'userId' | 'expiresAt'>;

/** Issues and reads tickets: encrypted callers that only gateways with the same key can read. They are not tokens. */
export class EventTickets {
  readonly #key: Uint8Array;

  constructor(config: Pick<Config, 'access' | 'nats'>) {
    const { secret, jwksUrl } = config.access;
    // Open mode believes any name, so the key need not be secret. Without a shared secret a gateway reads only its own.
    const open = secret === undefined && jwksUrl === undefined;
    const key = open ? 'open' : (replicaKey(config) ?? randomBytes(32));
    this.#key = new Uint8Array(hkdfSync('sha256', key, '', 'marquee event tickets', 32));
  }

  /** Issues a ticket, which is valid for a minute but not longer than the caller's token. */
  async issue({ userId, expiresAt }: ListeningCaller): Promise<{ ticket: string; expiresAt: string }> {
    // JWTs expire at whole seconds.
    const end = Math.floor(Math.min(Date.now() + lifetimeMs, expiresAt ?? Number.POSITIVE_INFINITY) / 1000);
    const ticket = await new EncryptJWT({ until: expiresAt })
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .setSubject(userId ?? '')
      .setExpirationTime(end)
      .encrypt(this.#key);
    return { ticket, expiresAt: new Date(end * 1000).toISOString() };
  }

  /** Returns the caller that a ticket was issued to. @throws AppError unauthenticated */
  async callerOf(ticket: string): Promise<ListeningCaller> {
    try {
      const { payload } = await jwtDecrypt<{ until?: number }>(ticket, this.#key, { requiredClaims: ['sub', 'exp'] });
      const { sub = '', until } = payload;
      return { userId: sub || undefined, ...(until === undefined ? {} : { expiresAt: until }) };
    } catch (error) {
      const expired = error instanceof errors.JWTExpired;
      const what = expired ? 'The ticket has expired.' : 'The ticket was not issued by this gateway.';
      throw new AppError('unauthenticated', `${what} Get a new one from POST /events/ticket.`);
    }
  }
}
