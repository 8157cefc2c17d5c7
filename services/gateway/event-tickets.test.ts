/** Tickets for live events: which gateways accept them, and for how long. */
import assert from 'node:assert/strict';
import { nkeys } from '@nats-io/nats-core';
import { afterEach, test, vi } from 'vitest';
import { createIdentity } from '../../shared/operations/identity.ts';
import { readConfig } from '../../shared/process/config.ts';
import { createLogger } from '../../shared/process/log.ts';
import { EventTickets } from './event-tickets.ts';

const secret = 'a secret of at least thirty-two characters';
const seed = new TextDecoder().decode(nkeys.createUser().getSeed());
const keys = { JWT_JWKS_URL: 'https://example.org/keys' };
const gateway = (env: Record<string, string>) => new EventTickets(readConfig(env));

afterEach(() => {
  vi.useRealTimers();
});

test.each([
  ['share a secret', { JWT_SECRET: secret }],
  ['check tokens with a JWKS and share a broker nkey', { ...keys, NATS_NKEY_SEED: seed }],
  ['check tokens with a JWKS and share a broker password', { ...keys, NATS_USER: 'gateway', NATS_PASSWORD: 'secret' }],
  ['are open', {}],
])('gateways accept each other’s tickets when they %s', async (_, env) => {
  const expiresAt = Date.now() + 3_600_000;
  const { ticket } = await gateway(env).issue({ userId: 'auth0|José', expiresAt });
  assert.deepEqual(await gateway(env).callerOf(ticket), { userId: 'auth0|José', expiresAt });
  assert.match(ticket, /^[\w.-]{100,400}$/);
  assert.doesNotMatch(Buffer.from(ticket, 'base64').toString(), /auth0/);
});

test('refuses a ticket when it was altered, or encrypted with another secret or with none', async () => {
  const own = gateway({ JWT_SECRET: secret });
  const { ticket } = await own.issue({ userId: 'alice' });
  for (const other of [
    { JWT_SECRET: `${secret} not` },
    {},
    keys,
    { ...keys, NATS_USER: 'gateway', NATS_PASSWORD: 'other' },
  ]) {
    await assert.rejects(gateway(other).callerOf(ticket), /not issued by this gateway/);
  }
  for (const text of ['', 'x', 'a.b.c', 'a.b.c.d.e', `${ticket}A`, `${ticket.slice(0, -3)}AAA`]) {
    await assert.rejects(own.callerOf(text), { code: 'unauthenticated' }, text);
  }
});

test('a ticket is valid for a minute, but not longer than the token', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const own = gateway({ JWT_SECRET: secret });
  const { ticket, expiresAt } = await own.issue({ userId: 'alice' });
  const lifetimeMs = Date.parse(expiresAt) - Date.now();
  assert.ok(lifetimeMs > 58_000 && lifetimeMs <= 60_000, `${lifetimeMs} ms`);
  const short = await own.issue({ userId: 'alice', expiresAt: Date.now() + 10_000 });
  vi.setSystemTime(Date.now() + 11_000);
  await assert.rejects(own.callerOf(short.ticket), /has expired/);
  assert.equal((await own.callerOf(ticket)).userId, 'alice');
  vi.setSystemTime(Date.parse(expiresAt));
  await assert.rejects(own.callerOf(ticket), /has expired/);
});

test('a ticket is not accepted as a token', async () => {
  const config = readConfig({ JWT_SECRET: secret });
  const { ticket } = await new EventTickets(config).issue({ userId: 'alice' });
  await assert.rejects(
    async () =>
      createIdentity(config, createLogger('test', 'silent')).of({
        token: ticket,
      }),
    { code: 'unauthenticated' },
  );
});
