/** Which sessions a gateway accepts: those of other replicas, and its own from before a restart. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'vitest';
import { readConfig } from '../../../shared/process/config.ts';
import { temporaryFolder } from '../../../tests/folder.ts';
import { Sessions } from './session.ts';

const keys = { JWT_JWKS_URL: 'https://example.org/keys' };

test.each([
  ['that share a secret', 'accept', { JWT_SECRET: 'a secret of at least thirty-two characters' }],
  ['that share only an nkey', 'accept', { ...keys, NATS_NKEY_SEED: 'SUAB' }],
  ['that share only a broker password', 'accept', { ...keys, NATS_USER: 'gateway', NATS_PASSWORD: 'secret' }],
  ['that share no secret', 'reject', keys],
])('replicas %s %s each other’s sessions', async (_, expected, env) => {
  using folder = temporaryFolder();
  const gateway = (name: string) => new Sessions(readConfig({ ...env, DATA_DIR: join(folder.path, name) }));
  const sealed = await gateway('one').seal({ token: 'x' }, 60);
  assert.equal((await gateway('one').open<{ token: string }>(sealed))?.token, 'x', 'after a restart');
  assert.equal((await gateway('other').open(sealed)) === undefined ? 'reject' : 'accept', expected);
});
