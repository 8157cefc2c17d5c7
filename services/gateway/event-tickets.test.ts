/** Tickets for live events: which gateways take them, and for how long. */
import assert from 'node:assert/strict';
import { afterEach, test, vi } from 'vitest';
import { createIdentity } from '../../shared/operations/identity.ts';
import { readConfig } from '../../shared/process/config.ts';
import { createLogger } from '../../shared/process/log.ts';
import { EventTickets } from './event-tickets.ts';

const secret = 'a secret of at least thirty-two characters';
const keys = { JWT_JWKS_URL: 'https://example.org/keys' };
const gateway = (env: Record<string, string>) => new EventTickets(readConfig(env));

afterEach(() => {
  vi.useRealTimers();
});

test.each([
  ['that have one secret', { JWT_SECRET: secret }],
  ['that check tokens with keys, and have one user of the broker', { ...keys, NATS_NKEY_SEED: 'SUAB' }],
  ['the same with a password', { ...keys, NATS_USER: 'gateway', NATS_PASSWORD: 'secret' }],
  ['that are open', {}],
])('gateways %s take each other’s tickets', async (_, env) => {
  const expiresAt = Date.now() + 3_600_000;
  const { ticket } = await gateway(env).give({ userId: 'auth0|José', expiresAt });
  assert.deepEqual(await gateway(env).callerOf(ticket), { userId: 'auth0|José', expiresAt });
  assert.match(ticket, /^[\w.-]{100,400}$/);
  assert.doesNotMatch(Buffer.from(ticket, 'base64').toString(), /auth0/);
});

test('a ticket of another secret, of none, or that was changed is refused', async () => {
  const own = gateway({ JWT_SECRET: secret });
  const { ticket } = await own.give({ userId: 'alice' });
  for (const other of [{ JWT_SECRET: `${secret} not` }, {}, keys, { ...keys, NATS_PASSWORD: 'other' }]) {
    await assert.rejects(gateway(other).callerOf(ticket), /not one of this gateway/);
  }
  for (const text of ['', 'x', 'a.b.c', 'a.b.c.d.e', `${ticket}A`, `${ticket.slice(0, -3)}AAA`]) {
    await assert.rejects(own.callerOf(text), { code: 'unauthenticated' }, text);
  }
});

test('a ticket is valid for a minute, and no longer than the token', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const own = gateway({ JWT_SECRET: secret });
  const { ticket, expiresAt } = await own.give({ userId: 'alice' });
  const lifeMs = Date.parse(expiresAt) - Date.now();
  assert.ok(lifeMs > 58_000 && lifeMs <= 60_000, `${lifeMs} ms`);
  const short = await own.give({ userId: 'alice', expiresAt: Date.now() + 10_000 });
  vi.setSystemTime(Date.now() + 11_000);
  await assert.rejects(own.callerOf(short.ticket), /has expired/);
  assert.equal((await own.callerOf(ticket)).userId, 'alice');
  vi.setSystemTime(Date.parse(expiresAt));
  await assert.rejects(own.callerOf(ticket), /has expired/);
});

test('a ticket is no token', async () => {
  const config = readConfig({ JWT_SECRET: secret });
  const { ticket } = await new EventTickets(config).give({ userId: 'alice' });
  await assert.rejects(
    async () =>
      createIdentity(config, createLogger('test', 'silent')).of({
        token: ticket,
      }),
    { code: 'unauthenticated' },
  );
});
