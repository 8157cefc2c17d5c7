import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { test } from 'vitest';
import type { AccessConfig } from '../process/config.ts';
import { type Caller, createIdentity } from './access.ts';
import { AppError, type ErrorCode } from './errors.ts';

const secret = 'a secret of at least thirty-two characters';
const none: AccessConfig = {
  secret: undefined,
  jwksUrl: undefined,
  issuer: undefined,
  audience: undefined,
  clockToleranceS: 30,
};

type Key = Parameters<InstanceType<typeof SignJWT>['sign']>[0];

function sign(
  claims: JWTPayload,
  key: Key = new TextEncoder().encode(secret),
  alg = 'HS256',
  kid = 'k',
): Promise<string> {
  const jwt = new SignJWT({ roles: [], ...claims }).setProtectedHeader({ alg, kid });
  if (claims.exp === undefined) jwt.setExpirationTime('1h');
  if (claims.sub === undefined) jwt.setSubject('alice');
  return jwt.sign(key);
}

async function refused(code: ErrorCode, caller: () => Caller | Promise<Caller>): Promise<AppError> {
  let error: unknown;
  try {
    await caller();
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error instanceof AppError, 'refused');
  assert.equal(error.code, code);
  return error;
}

test('in open mode everyone is who they say', async () => {
  const identity = createIdentity(none);
  assert.equal(identity.open, true);
  const { userId, roles, open } = await identity.of({ token: null, user: 'alice' });
  assert.deepEqual({ userId, roles, open }, { userId: 'alice', roles: [], open: true });
  assert.equal((await identity.of({ token: null, user: 'not a token.of>subjects' })).userId, undefined);
});

test('with a secret, a token tells the user and the roles; a plain header is not believed', async () => {
  const identity = createIdentity({ ...none, secret });
  assert.deepEqual(await identity.of({ token: null, user: 'alice' }), { userId: undefined, roles: [], open: false });
  const token = await sign({ sub: 'alice', roles: ['agent'] });
  const { expiresAt, ...caller } = await identity.of({ token, user: 'mallory' });
  assert.deepEqual(caller, { userId: 'alice', roles: ['agent'], open: false });
  assert.ok(Number(expiresAt) > Date.now());
  assert.ok(!(identity.of({ token, user: null }) instanceof Promise), 'a token that was checked is known');
  assert.deepEqual((await identity.of({ token: await sign({ roles: 'agent admin' }), user: null })).roles, [
    'agent',
    'admin',
  ]);
  assert.deepEqual((await identity.of({ token: await sign({ roles: { admin: true } }), user: null })).roles, []);
});

test('issuer, audience, expiry and clock skew are checked', async () => {
  const identity = createIdentity({ ...none, secret, issuer: 'us', audience: 'marquee' });
  const now = Math.floor(Date.now() / 1000);
  const good = { iss: 'us', aud: 'marquee' };
  assert.equal((await identity.of({ token: await sign(good), user: null })).userId, 'alice');
  assert.equal(
    (await identity.of({ token: await sign({ ...good, exp: now - 20 }), user: null })).userId,
    'alice',
    'within the tolerance',
  );
  const bad: JWTPayload[] = [
    { ...good, iss: 'them' },
    { aud: 'marquee' },
    { ...good, aud: 'another' },
    { ...good, exp: now - 60 },
    { ...good, nbf: now + 60 },
    { ...good, sub: 'a.b>' },
    { ...good, sub: '' },
  ];
  for (const claims of bad)
    await refused('unauthenticated', async () => identity.of({ token: await sign(claims), user: null }));
});

test('a token that was accepted is no longer once it has expired', async () => {
  const identity = createIdentity({ ...none, secret, clockToleranceS: 0 });
  const token = await sign({ exp: Math.floor(Date.now() / 1000) + 2 });
  await identity.of({ token, user: null });
  const deadline = Date.now() + 10_000;
  for (let result = identity.of({ token, user: null }); ; result = identity.of({ token, user: null })) {
    if (result instanceof Promise) {
      await refused('unauthenticated', () => result);
      return;
    }
    assert.ok(Date.now() < deadline, 'it expires');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

test('what is no token, unsigned, or signed with another secret is refused', async () => {
  const identity = createIdentity({ ...none, secret });
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const unsigned = `${part({ alg: 'none' })}.${part({ sub: 'alice', exp: 9_999_999_999 })}.`;
  const other = await sign({}, new TextEncoder().encode(`${secret}!`));
  for (const token of ['', 'x', 'a.b.c', unsigned, other])
    await refused('unauthenticated', () => identity.of({ token, user: null }));
});

test('keys at a URL: RS256, ES256 and EdDSA; the public key is no shared secret; 503 while they cannot be read', async () => {
  const algorithms = ['RS256', 'ES256', 'EdDSA'];
  const pairs = await Promise.all(algorithms.map((alg) => generateKeyPair(alg, { extractable: true })));
  const keys = await Promise.all(
    pairs.map(async ({ publicKey }, index) => ({
      ...(await exportJWK(publicKey)),
      kid: algorithms[index],
      use: 'sig',
    })),
  );
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  const identity = createIdentity({ ...none, jwksUrl });
  for (const [index, alg] of algorithms.entries()) {
    const token = await sign({ sub: alg }, (pairs[index] as (typeof pairs)[0]).privateKey, alg, alg);
    assert.equal((await identity.of({ token, user: null })).userId, alg);
  }
  const [rsa] = pairs as [(typeof pairs)[0]];
  const confused = await sign({}, new TextEncoder().encode(await exportSPKI(rsa.publicKey)), 'HS256', 'RS256');
  await refused('unauthenticated', () => identity.of({ token: confused, user: null }));
  const unknown = await sign({}, (await generateKeyPair('RS256')).privateKey, 'RS256', 'nobody knows');
  await refused('unauthenticated', () => identity.of({ token: unknown, user: null }));

  await new Promise((resolve) => server.close(resolve));
  const fresh = createIdentity({ ...none, jwksUrl });
  const token = await sign({}, rsa.privateKey, 'RS256', 'RS256');
  const away = await refused('unavailable', () => fresh.of({ token, user: null }));
  assert.equal(away.retryAfter, 1);
});
