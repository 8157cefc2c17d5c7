/** Tickets for live events: browsers' EventSource cannot send a token, and a token in a URL would be in the logs of proxies. */
import { hkdfSync, randomBytes } from 'node:crypto';
import { EncryptJWT, errors, jwtDecrypt } from 'jose';
import type { Caller } from '../../shared/operations/access.ts';
import { AppError } from '../../shared/operations/errors.ts';
import { replicaKey } from '../../shared/operations/replica-key.ts';
import type { Config } from '../../shared/process/config.ts';

const lifeMs = 60_000;

/** Who listens, and until when (milliseconds since 1970). */
export type ListeningCaller = Pick<Caller, 'userId' | 'expiresAt'>;

/**
 * A ticket is what a gateway has to know of the caller, encrypted: every gateway with the same key reads it, and nothing else
 * does. It is no token.
 */
export class EventTickets {
  readonly #key: Uint8Array;

  constructor(config: Pick<Config, 'access' | 'nats'>) {
    const { secret, jwksUrl } = config.access;
    // Where everyone is who they say, there is nothing to keep; where gateways share nothing, each reads its own tickets.
    const open = secret === undefined && jwksUrl === undefined;
    const key = open ? 'open' : (replicaKey(config) ?? randomBytes(32));
    this.#key = new Uint8Array(hkdfSync('sha256', key, '', 'marquee event tickets', 32));
  }

  /** A ticket for a caller. It is valid for a minute, and not longer than the caller's token. */
  async give({ userId, expiresAt }: ListeningCaller): Promise<{ ticket: string; expiresAt: string }> {
    // Whole seconds, as JWTs have them.
    const end = Math.floor(Math.min(Date.now() + lifeMs, expiresAt ?? Number.POSITIVE_INFINITY) / 1000);
    const ticket = await new EncryptJWT({ until: expiresAt })
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .setSubject(userId ?? '')
      .setExpirationTime(end)
      .encrypt(this.#key);
    return { ticket, expiresAt: new Date(end * 1000).toISOString() };
  }

  /** The caller that a ticket was given to. @throws AppError unauthenticated */
  async callerOf(ticket: string): Promise<ListeningCaller> {
    try {
      const { payload } = await jwtDecrypt<{ until?: number }>(ticket, this.#key, { requiredClaims: ['sub', 'exp'] });
      const { sub = '', until } = payload;
      return { userId: sub || undefined, ...(until === undefined ? {} : { expiresAt: until }) };
    } catch (error) {
      const expired = error instanceof errors.JWTExpired;
      const what = expired ? 'The ticket has expired.' : 'The ticket is not one of this gateway.';
      throw new AppError('unauthenticated', `${what} POST /events/ticket gives another.`);
    }
  }
}
