import assert from 'node:assert/strict';
import { test } from 'vitest';
import { readConfig } from '../../../shared/process/config.ts';
import { rolesIn } from './provider.ts';

test('reads known roles from the configured claim, also a nested one', () => {
  assert.deepEqual(rolesIn({ roles: ['admin', 'owner', 7] }, 'roles'), ['admin']);
  assert.deepEqual(rolesIn({ groups: 'agent admin' }, 'groups'), ['agent', 'admin']);
  assert.deepEqual(rolesIn({ realm_access: { roles: ['agent'] } }, 'realm_access.roles'), ['agent']);
  assert.deepEqual(rolesIn({ roles: null }, 'roles.admin'), []);
  assert.deepEqual(rolesIn({}, '__proto__.roles'), []);
});

test('refuses a provider with incomplete configuration', () => {
  const env = { OIDC_ISSUER: 'https://id.example', OIDC_CLIENT_ID: 'marquee' };
  assert.throws(() => readConfig(env), /OIDC_CLIENT_SECRET and JWT_SECRET/);
  const config = readConfig({
    ...env,
    OIDC_CLIENT_SECRET: 'x',
    JWT_SECRET: 'a secret of at least thirty-two characters',
  });
  assert.equal(config.oidc?.rolesClaim, 'roles');
  assert.equal(readConfig({}).oidc, undefined);
});
