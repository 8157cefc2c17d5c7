/** Which sessions a gateway accepts: those of other replicas, and its own from before a restart. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { nkeys } from '@nats-io/nats-core';
import { Hono } from 'hono';
import { test } from 'vitest';
import { readConfig } from '../../../shared/process/config.ts';
import { temporaryFolder } from '../../../tests/folder.ts';
import { type Session, Sessions } from './session.ts';

const seed = new TextDecoder().decode(nkeys.createUser().getSeed());
const keys = { JWT_JWKS_URL: 'https://example.org/keys' };

test.each([
  ['that share a secret', 'accept', { JWT_SECRET: 'a secret of at least thirty-two characters' }],
  ['that share only an nkey', 'accept', { ...keys, NATS_NKEY_SEED: seed }],
  ['that share only a broker password', 'accept', { ...keys, NATS_USER: 'gateway', NATS_PASSWORD: 'secret' }],
  ['that share no secret', 'reject', keys],
])('replicas %s %s each other’s sessions', async (_, expected, env) => {
  using folder = temporaryFolder();
  const gateway = (name: string) => new Sessions(readConfig({ ...env, DATA_DIR: join(folder.path, name) }));
  const sealed = await gateway('one').seal({ token: 'x' }, 60);
  assert.equal((await gateway('one').open<{ token: string }>(sealed))?.token, 'x', 'after a restart');
  assert.equal((await gateway('other').open(sealed)) === undefined ? 'reject' : 'accept', expected);
});

test('a session that browsers would ignore loses its refresh token, or is refused', async () => {
  using folder = temporaryFolder();
  const sessions = new Sessions(readConfig({ DATA_DIR: folder.path }));
  let refusal: unknown;
  const cookieOf = async (session: Session): Promise<string> => {
    const app = new Hono().onError((error, c) => {
      refusal = error;
      return c.body(null);
    });
    app.get('/', async (c) => {
      await sessions.write(c, session);
      return c.body(null);
    });
    const cookie = (await app.request('/')).headers.get('set-cookie') ?? '';
    return /^marquee=([^;]*)/.exec(cookie)?.[1] ?? '';
  };
  assert.equal((await sessions.open<Session>(await cookieOf({ token: 'a', refresh: 'b' })))?.refresh, 'b');
  const cut = await cookieOf({ token: 'a', refresh: 'b'.repeat(4000) });
  assert.ok(cut.length < 4096);
  assert.deepEqual({ ...(await sessions.open<Session>(cut)), exp: 0 }, { token: 'a', exp: 0 });
  assert.equal(await cookieOf({ token: 'a'.repeat(4000) }), '');
  assert.match(String(refusal), /too long for a cookie/);
});
