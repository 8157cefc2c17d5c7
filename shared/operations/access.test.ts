import assert from 'node:assert/strict';
import { createSign, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { afterAll, test, vi } from 'vitest';
import { temporaryFolder } from '../../tests/folder.ts';
import type { Config } from '../process/config.ts';
import { createLogger } from '../process/log.ts';
import { bearerToken, type Caller, type Identity, namedUser } from './access.ts';
import { AppError, type ErrorCode } from './errors.ts';
import { createIdentity } from './identity.ts';

const secret = 'a secret of at least thirty-two characters';
const none: Config['access'] = {
  secret: undefined,
  jwksUrl: undefined,
  issuer: undefined,
  audience: undefined,
  clockToleranceS: 30,
};

const shared = temporaryFolder();
afterAll(() => shared[Symbol.dispose]());
const kept = { dataDir: shared.path, jwksMaxAge: 86_400 };
const identityOf = (access: Config['access'], config = kept, log = createLogger('test', 'silent')): Identity =>
  createIdentity({ access, ...config }, log);

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

test('open mode takes callers at their word', async () => {
  const identity = identityOf(none);
  assert.equal(identity.open, true);
  const { userId, roles, open } = await identity.of({ user: 'alice' });
  assert.deepEqual({ userId, roles, open }, { userId: 'alice', roles: [], open: true });
  assert.equal((await identity.of({})).userId, undefined);
});

test('refuses an unacceptable user or token instead of treating the caller as anonymous', async () => {
  const open = identityOf(none);
  for (const user of ['x'.repeat(256), '\ud800']) {
    const { fields } = await refused('invalid', () => open.of({ user }));
    assert.equal(fields?.[0]?.field, 'X-User-Id');
  }
  for (const header of ['JosÃ©', 'José', '100%', '%ff', '%ED%A0%80', 'a\tb', 'ann, bob', ', ']) {
    const { fields } = await refused('invalid', () => open.of({ user: namedUser(header) }));
    assert.equal(fields?.[0]?.field, 'X-User-Id', header);
  }
  const headers = ['ann@example.org', 'auth0|abc 123', 'Jos%C3%A9', 'Doe%2C Ann', '%F0%9F%8E%AC', '100%25'];
  const users = ['ann@example.org', 'auth0|abc 123', 'José', 'Doe, Ann', '🎬', '100%'];
  assert.deepEqual([...headers, undefined, ''].map(namedUser), [...users, undefined, undefined]);
  for (const header of ['T', 'Basic YTpi', 'Bearer', 'Bearer a b', 'Token T']) {
    assert.throws(() => bearerToken(header), { code: 'unauthenticated' }, header);
  }
  assert.deepEqual(
    ['Bearer T', 'bearer T', 'BEARER  T', undefined, ''].map((header) => bearerToken(header)),
    ['T', 'T', 'T', undefined, undefined],
  );
});

test('takes user and roles from a token when a secret is set, and refuses a plain header', async () => {
  const identity = identityOf({ ...none, secret });
  assert.deepEqual(await identity.of({}), { userId: undefined, roles: [], open: false });
  assert.throws(() => identity.of({ user: 'alice' }), { code: 'unauthenticated' });
  const token = await sign({ sub: 'alice', roles: ['agent'] });
  const { expiresAt, ...caller } = await identity.of({ token, user: 'mallory' });
  assert.deepEqual(caller, { userId: 'alice', roles: ['agent'], open: false });
  assert.ok(Number(expiresAt) > Date.now());
  assert.ok(!(identity.of({ token }) instanceof Promise), 'a verified token is cached');
  assert.deepEqual((await identity.of({ token: await sign({ roles: 'agent admin' }) })).roles, ['agent', 'admin']);
  assert.deepEqual((await identity.of({ token: await sign({ roles: { admin: true } }) })).roles, []);
});

test('accepts any subject of 1 to 255 characters unchanged', async () => {
  const identity = identityOf({ ...none, secret });
  for (const sub of ['auth0|abc123', 'ann@example.org', 'José', ' ', ' a  b ', 'a.b.>', '🎬'.repeat(255), '\u0000']) {
    assert.equal((await identity.of({ token: await sign({ sub }) })).userId, sub);
  }
});

test('checks issuer, audience and expiry, with a tolerance for clocks', async () => {
  const identity = identityOf({ ...none, secret, issuer: 'us', audience: 'marquee' });
  const now = Math.floor(Date.now() / 1000);
  const good = { iss: 'us', aud: 'marquee' };
  assert.equal((await identity.of({ token: await sign(good) })).userId, 'alice');
  assert.equal(
    (await identity.of({ token: await sign({ ...good, exp: now - 20 }) })).userId,
    'alice',
    'within the tolerance',
  );
  const bad: JWTPayload[] = [
    { ...good, iss: 'them' },
    { aud: 'marquee' },
    { ...good, aud: 'another' },
    { ...good, exp: now - 60 },
    { ...good, nbf: now + 60 },
    { ...good, sub: 'x'.repeat(256) },
    { ...good, sub: '\ud800' },
    { ...good, sub: '' },
  ];
  for (const claims of bad) await refused('unauthenticated', async () => identity.of({ token: await sign(claims) }));
});

test('refuses a cached token once it has expired', async (t) => {
  t.onTestFinished(() => void vi.useRealTimers());
  const identity = identityOf({ ...none, secret, clockToleranceS: 0 });
  const token = await sign({});
  await identity.of({ token });
  assert.ok(!(identity.of({ token }) instanceof Promise));
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });
  await refused('unauthenticated', () => identity.of({ token }));
});

test('refuses malformed and unsigned tokens, and those signed with another secret', async () => {
  const identity = identityOf({ ...none, secret });
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const unsigned = `${part({ alg: 'none' })}.${part({ sub: 'alice', exp: 9_999_999_999 })}.`;
  const other = await sign({}, new TextEncoder().encode(`${secret}!`));
  for (const token of ['', 'x', 'a.b.c', unsigned, other])
    await refused('unauthenticated', () => identity.of({ token }));
});

test('accepts only base64url of bounded length, so that a token has only one form', async () => {
  const identity = identityOf({ ...none, secret });
  const token = await sign({});
  assert.equal((await identity.of({ token })).userId, 'alice');
  for (const variant of [`${token.slice(0, -9)} ${token.slice(-9)}`, `${token}\t`, `${token}=`, `${token}.x`]) {
    await refused('unauthenticated', () => identity.of({ token: variant }));
  }
  const long = await sign({ padding: 'x'.repeat(8192) });
  assert.match((await refused('unauthenticated', () => identity.of({ token: long }))).message, /8192/);
});

/** Creates a key pair, with its public key as an entry of a key set. */
async function createKey(alg = 'ES256', kid = 'k') {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid } };
}

/** Starts a key server whose response can be replaced. */
async function keyServer(...jwks: object[]) {
  const state = { respond: (): { status?: number; body: string } => ({ body: JSON.stringify({ keys: jwks }) }) };
  const server = createServer((_, response) => {
    const { status = 200, body } = state.respond();
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  return { state, jwksUrl, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}

test('refuses a token after the next refresh once its key has left the key set', async (t) => {
  t.onTestFinished(() => void vi.useRealTimers());
  const old = await createKey('ES256', 'old');
  const young = await createKey('ES256', 'young');
  await using keys = await keyServer(old.jwk, young.jwk);
  const lines: string[] = [];
  const log = createLogger('test', 'warn', { write: (line) => void lines.push(line) });
  const identity = identityOf({ ...none, jwksUrl: keys.jwksUrl }, kept, log);
  const token = await sign({}, old.privateKey, 'ES256', 'old');
  const other = await sign({ sub: 'bob' }, young.privateKey, 'ES256', 'young');
  assert.equal((await identity.of({ token })).userId, 'alice');
  assert.equal((await identity.of({ token: other })).userId, 'bob');
  keys.state.respond = () => ({ status: 500, body: '' });
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 11 * 60_000 });
  assert.equal((await identity.of({ token })).userId, 'alice', 'cached while the key server fails');
  keys.state.respond = () => ({ body: JSON.stringify({ keys: [young.jwk] }) });
  vi.setSystemTime(Date.now() + 6000);
  await refused('unauthenticated', () => identity.of({ token }));
  assert.equal((await identity.of({ token: other })).userId, 'bob');
  assert.match(lines.join(), /could not be fetched.*could be fetched again/s);
});

test('does not cache a token whose key is removed while the token is being verified', async (t) => {
  t.onTestFinished(() => void vi.useRealTimers());
  const { privateKey, jwk } = await createKey();
  await using keys = await keyServer(jwk);
  const identity = identityOf({ ...none, jwksUrl: keys.jwksUrl });
  const [token, other] = await Promise.all(['alice', 'bob'].map((sub) => sign({ sub }, privateKey, 'ES256')));
  await identity.of({ token: other });
  const verified = Promise.withResolvers<boolean>();
  const verify = vi.spyOn(crypto.subtle, 'verify').mockReturnValueOnce(verified.promise);
  t.onTestFinished(() => void verify.mockRestore());
  const verifying = identity.of({ token });
  await vi.waitUntil(() => verify.mock.calls.length === 1);
  keys.state.respond = () => ({ body: '{"keys":[]}' });
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 11 * 60_000 });
  await refused('unauthenticated', () => identity.of({ token: other }));
  verified.resolve(true);
  assert.equal((await verifying).userId, 'alice');
  await refused('unauthenticated', () => identity.of({ token }));
});

test('uses the last keys while the key server is unreachable, until they are too old', async (t) => {
  t.onTestFinished(() => void vi.useRealTimers());
  using folder = temporaryFolder();
  const { privateKey, jwk } = await createKey();
  await using keys = await keyServer(jwk);
  const access = { ...none, jwksUrl: keys.jwksUrl };
  const config = { dataDir: folder.path, jwksMaxAge: 3600 };
  const token = await sign({ exp: Math.floor(Date.now() / 1000) + 86_400 }, privateKey, 'ES256');
  const of = (identity: Identity) => identity.of({ token });
  const first = identityOf(access, config);
  assert.equal((await of(first)).userId, 'alice');
  assert.equal(first.warning, undefined);

  keys.state.respond = () => ({ status: 502, body: '' });
  const second = identityOf(access, config);
  assert.equal((await of(second)).userId, 'alice');
  assert.match(second.warning ?? '', /^tokens are checked with keys fetched at \d{4}-.* cannot be reached$/);
  await refused('unavailable', () => of(identityOf({ ...access, jwksUrl: `${keys.jwksUrl}/other` }, config)));
  // An invalid key set is not saved, and does not replace the previous keys.
  keys.state.respond = () => ({ body: '<html>' });
  assert.equal((await of(identityOf(access, config))).userId, 'alice');
  await keys[Symbol.asyncDispose]();
  assert.equal((await of(identityOf(access, config))).userId, 'alice', 'the key server is gone');
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_601_000 });
  await refused('unavailable', () => of(identityOf(access, config)));
});

test('answers 401 for an unusable key, and 503 for an invalid key set', async () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const jwk = { ...weak.publicKey.export({ format: 'jwk' }), kid: 'weak', alg: 'RS256', use: 'sig' };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + 600;
  const signed = `${part({ alg: 'RS256', kid: 'weak' })}.${part({ sub: 'alice', exp })}`;
  const token = `${signed}.${createSign('RSA-SHA256').update(signed).sign(weak.privateKey, 'base64url')}`;
  await using keys = await keyServer(jwk);
  const identity = identityOf({ ...none, jwksUrl: keys.jwksUrl });
  await refused('unauthenticated', () => identity.of({ token }));
  for (const body of ['{"keys":7}', '[]', 'no JSON', '']) {
    keys.state.respond = () => ({ body });
    const fresh = identityOf({ ...none, jwksUrl: keys.jwksUrl }, { ...kept, jwksMaxAge: 0 });
    await refused('unavailable', () => fresh.of({ token }));
  }
});

test('checks tokens with RS256, ES256 and EdDSA keys at a URL, and answers 503 while they cannot be fetched', async (t) => {
  t.onTestFinished(() => void vi.useRealTimers());
  const algorithms = ['RS256', 'ES256', 'EdDSA'];
  const created = await Promise.all(algorithms.map((alg) => createKey(alg, alg)));
  await using keys = await keyServer(...created.map(({ jwk }) => ({ ...jwk, use: 'sig' })));
  const { jwksUrl } = keys;
  const identity = identityOf({ ...none, jwksUrl });
  for (const { privateKey, jwk } of created) {
    const token = await sign({ sub: jwk.kid }, privateKey, jwk.kid, jwk.kid);
    assert.equal((await identity.of({ token })).userId, jwk.kid);
  }
  const [rsa] = created as [(typeof created)[0]];
  const confused = await sign({}, new TextEncoder().encode(await exportSPKI(rsa.publicKey)), 'HS256', 'RS256');
  await refused('unauthenticated', () => identity.of({ token: confused }));
  const unknown = await sign({}, (await generateKeyPair('RS256')).privateKey, 'RS256', 'nobody knows');
  await refused('unauthenticated', () => identity.of({ token: unknown }));

  await keys[Symbol.asyncDispose]();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 6000 });
  await refused('unavailable', () => identity.of({ token: unknown }));
  vi.useRealTimers();
  const fresh = identityOf({ ...none, jwksUrl }, { ...kept, jwksMaxAge: 0 });
  const token = await sign({}, rsa.privateKey, 'RS256', 'RS256');
  const away = await refused('unavailable', () => fresh.of({ token }));
  assert.equal(away.retryAfter, 1);
});

test('open mode refuses a bearer token, and ignores another scheme, which is for a proxy', async () => {
  const open = identityOf(none);
  const given = (authorization: string) => ({
    get token() {
      return bearerToken(authorization);
    },
    user: 'alice',
  });
  const { message } = await refused('unauthenticated', () => open.of(given('Bearer a.b.c')));
  assert.match(message, /no key is configured/);
  assert.deepEqual(await open.of(given('Basic YTpi')), { userId: 'alice', roles: [], open: true });
});
