/** The file of variables with secrets: what is kept, and what must be there. */
import assert from 'node:assert/strict';
import { parseEnv } from 'node:util';
import { test } from 'vitest';
import { environmentFile, hasSecrets } from './init.ts';
import { secretsWith } from './nats/secrets.ts';

const variablesOf = (text: string) => parseEnv(text) as Record<string, string>;

test('secrets come to the settings of a trial, and the broker is told to have users', () => {
  const text = environmentFile('MOVIES_REPLICAS=2\n', secretsWith());
  assert.match(text, /^MOVIES_REPLICAS=2\nNATS_CONFIG=secure\nJWT_SECRET=.{40}/);
  assert.ok(!hasSecrets('MOVIES_REPLICAS=2\n') && hasSecrets(text));
});

test('new secrets replace the old ones, and nothing else', () => {
  const old = environmentFile('', secretsWith()).replace('NATS_CONFIG=secure', 'NATS_CONFIG=secure-tls');
  const text = environmentFile(old, secretsWith());
  assert.match(text, /^NATS_CONFIG=secure-tls$/m);
  const names = (of: string): string[] => of.split('\n').map((line) => line.split('=')[0] as string);
  assert.deepEqual(names(text).sort(), names(old).sort());
  const seed = /^NKEY_MOVIES_SEED=.*$/m;
  assert.notEqual(seed.exec(text)?.[0], seed.exec(old)?.[0]);
});

test('a secret of tokens that was emptied for an identity provider stays empty', () => {
  const text = environmentFile('NATS_CONFIG=secure\nJWT_SECRET=\nJWT_JWKS_URL=https://id.example\n', secretsWith());
  assert.deepEqual(text.match(/^JWT_SECRET=.*$/gm), ['JWT_SECRET=']);
});

test('a new service gets its key, and the others keep theirs', () => {
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

test('a secret in quotes, or with export before it, is kept and is there once', () => {
  const old = environmentFile('', secretsWith());
  const { JWT_SECRET, CLUSTER_PASSWORD } = variablesOf(old);
  const before = old
    .replace(/^JWT_SECRET=.*$/m, `JWT_SECRET="${JWT_SECRET}"`)
    .replace(/^CLUSTER_PASSWORD=.*$/m, `export CLUSTER_PASSWORD=${CLUSTER_PASSWORD}`);
  const text = environmentFile(before, secretsWith(variablesOf(before)));
  assert.deepEqual(variablesOf(text), variablesOf(old));
  for (const name of ['JWT_SECRET', 'CLUSTER_PASSWORD']) assert.equal(text.split(name).length, 2, name);
});
