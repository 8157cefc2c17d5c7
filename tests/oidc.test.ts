/** Tests of signing in at a real OpenID Connect provider, in a real browser. */
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import { test } from 'vitest';
import { type Session, Sessions } from '../services/web/sign-in/session.ts';
import { createToken } from '../shared/operations/create-token.ts';
import { newVisitor } from './browser.ts';
import { startBrowser, withoutBrowser } from './chromium.ts';
import { get, startSystem } from './harness.ts';

const client = { id: 'marquee', secret: 'a secret that the provider knows, too' };

/** Starts a provider that accepts any login and password; `root` is an administrator. */
async function startProvider() {
  let answer: RequestListener = (_, response) => response.writeHead(503).end();
  const server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    issuer,
    /** Starts answering requests for the site at this URL; until then all get 503. */
    open(site: string): void {
      const provider = new Provider(issuer, {
        clients: [
          {
            client_id: client.id,
            client_secret: client.secret,
            redirect_uris: [`${site}/sign-in/back`],
            post_logout_redirect_uris: [`${site}/`],
            grant_types: ['authorization_code', 'refresh_token'],
          },
        ],
        claims: { openid: ['sub'], profile: ['realm_access'] },
        conformIdTokenClaims: false,
        findAccount: (_, id) => ({
          accountId: id,
          claims: () => ({ sub: id, realm_access: { roles: id === 'root' ? ['admin', 'other'] : [] } }),
        }),
        issueRefreshToken: () => true,
        rotateRefreshToken: true,
        cookies: { keys: ['of this test'] },
        pkce: { required: () => true },
      });
      answer = provider.callback();
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('viewers sign in at the provider with their roles, stay signed in, and sign out there as well', {
  skip: withoutBrowser !== false,
}, async () => {
  await using system = await startSystem();
  await using provider = await startProvider();
  const env = {
    JWT_SECRET: 'a secret of at least thirty-two characters',
    OIDC_ISSUER: provider.issuer,
    OIDC_CLIENT_ID: client.id,
    OIDC_CLIENT_SECRET: client.secret,
    OIDC_ROLES_CLAIM: 'realm_access.roles',
  };
  const names = ['gateway', 'movies', 'ranking', 'reminder'];
  const replicas = await Promise.all(names.map((name) => system.startReplica(name, env)));
  await Promise.all(replicas.map(({ ready }) => ready));
  const url = replicas[0]?.url ?? '';
  const browser = await startBrowser();
  try {
    const { page } = await newVisitor(browser, url);
    // The pages work while the provider is down.
    await page.goto('/my-list');
    await page.getByRole('link', { name: 'Sign in', exact: true }).first().click();
    await page.getByRole('link', { name: 'Sign in with your account' }).click();
    await page.getByText('is not available right now').waitFor();
    provider.open(url);

    await page.goto('/sign-in?next=/my-list');
    await page.getByRole('link', { name: 'Sign in with your account' }).click();
    await page.locator('input[name=login]').fill('alice');
    await page.locator('input[name=password]').fill('any');
    await page.locator('button[type=submit]').click();
    await page.locator('button[type=submit]').click();
    await page.waitForURL(`${url}/my-list`);
    assert.match((await page.locator('.me').textContent()) ?? '', /alice/);
    assert.equal(await page.getByRole('link', { name: 'Status' }).count(), 0);
    const cookies = await page.context().cookies(url);
    assert.ok(cookies.some(({ name, httpOnly, sameSite }) => name === 'marquee' && httpOnly && sameSite === 'Lax'));

    // With an expired token the page gets a new one from the provider, and the viewer stays signed in.
    const sessions = new Sessions(system.config(env));
    const sealed = cookies.find(({ name }) => name === 'marquee')?.value ?? '';
    const session = await sessions.open<Session>(sealed);
    assert.ok(session?.refresh);
    const over = await createToken(system.config(env), { userId: 'alice', roles: [], expiresIn: '-1h' });
    const value = await sessions.seal({ ...session, token: over }, 600);
    await page.context().addCookies([{ name: 'marquee', value, url }]);
    await page.goto('/my-list');
    assert.match((await page.locator('.me').textContent()) ?? '', /alice/);
    await page.goto('/my-list');
    assert.match((await page.locator('.me').textContent()) ?? '', /alice/, 'with the new refresh token');

    // A callback that this browser did not start signs nobody in.
    const other = await newVisitor(browser, url);
    const stolen = await other.page.goto('/sign-in/back?code=x&state=y');
    assert.equal(stolen?.status(), 400);

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.locator('button[type=submit], button[name=logout]').first().click();
    await page.waitForURL(`${url}/`);
    assert.equal(await page.locator('.me').count(), 0);

    await other.page.goto('/sign-in/start?next=/status');
    await other.page.locator('input[name=login]').fill('root');
    await other.page.locator('input[name=password]').fill('any');
    await other.page.locator('button[type=submit]').click();
    await other.page.locator('button[type=submit]').click();
    await other.page.waitForURL(`${url}/status`);
    await other.page.getByRole('heading', { name: 'Status' }).waitFor();
    assert.equal((await get(`${url}/healthz`)).status, 200);
  } finally {
    await browser.close();
  }
});
