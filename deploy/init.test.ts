/** The .env file with secrets: kept settings and required variables. */
import assert from 'node:assert/strict';
import { parseEnv } from 'node:util';
import { test } from 'vitest';
import { environmentFile, hasSecrets } from './init.ts';
import { secretsWith } from './nats/secrets.ts';

const variablesOf = (text: string) => parseEnv(text) as Record<string, string>;

test('adds secrets to the settings of a trial, and turns on users at the broker', () => {
  const text = environmentFile('MOVIES_REPLICAS=2\n', secretsWith());
  assert.match(text, /^MOVIES_REPLICAS=2\nNATS_CONFIG=secure\nJWT_SECRET=.{40}/);
  assert.ok(!hasSecrets('MOVIES_REPLICAS=2\n') && hasSecrets(text));
});

test('replaces only the old secrets with new ones', () => {
  const old = environmentFile('', secretsWith()).replace('NATS_CONFIG=secure', 'NATS_CONFIG=secure-tls');
  const text = environmentFile(old, secretsWith());
  assert.match(text, /^NATS_CONFIG=secure-tls$/m);
  const names = (of: string): string[] => of.split('\n').map((line) => line.split('=')[0] as string);
  assert.deepEqual(names(text).sort(), names(old).sort());
  const seed = /^NKEY_MOVIES_SEED=.*$/m;
  assert.notEqual(seed.exec(text)?.[0], seed.exec(old)?.[0]);
});

test('keeps JWT_SECRET empty when it was emptied for an identity provider', () => {
  const text = environmentFile('NATS_CONFIG=secure\nJWT_SECRET=\nJWT_JWKS_URL=https://id.example\n', secretsWith());
  assert.deepEqual(text.match(/^JWT_SECRET=.*$/gm), ['JWT_SECRET=']);
});

test('generates the key of a new service and keeps the other keys', () => {
  const old = environmentFile('', secretsWith());
  const before = old.replace(/^NKEY_MOVIES_SEED=.*\n/m, '').replace(/^BROKER_KEYS=.*$/m, 'NKEY_RANKING=UABC');
  const text = environmentFile(before, secretsWith(variablesOf(before)));
  const { NKEY_MOVIES_SEED: made, BROKER_KEYS: keys, ...others } = variablesOf(text);
  const { NKEY_MOVIES_SEED: lost, BROKER_KEYS: oldKeys, ...same } = variablesOf(old);
  assert.deepEqual(others, same);
  assert.notEqual(made, lost);
  const apart = (all = ''): string[] => all.split(' ').filter((pair) => !pair.startsWith('NKEY_MOVIES='));
  assert.deepEqual(apart(keys), apart(oldKeys));
});

test('keeps a secret in quotes or after export, without duplicating it', () => {
  const old = environmentFile('', secretsWith());
  const { JWT_SECRET, CLUSTER_PASSWORD } = variablesOf(old);
  const before = old
    .replace(/^JWT_SECRET=.*$/m, `JWT_SECRET="${JWT_SECRET}"`)
    .replace(/^CLUSTER_PASSWORD=.*$/m, `export CLUSTER_PASSWORD=${CLUSTER_PASSWORD}`);
  const text = environmentFile(before, secretsWith(variablesOf(before)));
  assert.deepEqual(variablesOf(text), variablesOf(old));
  for (const name of ['JWT_SECRET', 'CLUSTER_PASSWORD']) assert.equal(text.split(name).length, 2, name);
});
