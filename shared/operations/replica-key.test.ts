/** Key material that the replicas of a service share. */
import assert from 'node:assert/strict';
import { nkeys } from '@nats-io/nats-core';
import { test } from 'vitest';
import { readConfig } from '../process/config.ts';
import { replicaKey } from './replica-key.ts';

const keyOf = (env: Record<string, string>) => replicaKey(readConfig(env));

test('derives the key from a password with scrypt, and uses seeds and secrets unchanged', () => {
  const password = { NATS_USER: 'gateway', NATS_PASSWORD: 'short' };
  const seed = new TextDecoder().decode(nkeys.createUser().getSeed());
  const secret = 'a secret of at least thirty-two characters';
  const made = keyOf(password);
  assert.ok(made instanceof Uint8Array && made.length === 32);
  assert.deepEqual(keyOf(password), made, 'another replica');
  assert.notDeepEqual(keyOf({ ...password, NATS_PASSWORD: 'other' }), made);
  assert.equal(keyOf({ ...password, NATS_NKEY_SEED: seed }), seed);
  assert.equal(keyOf({ ...password, JWT_SECRET: secret }), secret);
  assert.equal(keyOf({}), undefined);
});
