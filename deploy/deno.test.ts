import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'vitest';
import { denoCommand } from './deno.ts';

const root = resolve(import.meta.dirname, '..');
const allowed = (args: string[], what: string) =>
  args
    .find((arg) => arg.startsWith(`--allow-${what}=`))
    ?.split('=')[1]
    ?.split(',');

test('Deno may do what the environment asks for, and no more', () => {
  const { args } = denoCommand('services/main.ts', {
    DATA_DIR: '/srv/marquee',
    NATS_URL: 'nats://a.example:4222,b.example',
    HOST: '0.0.0.0',
    JWT_JWKS_URL: 'https://id.example/keys',
    NATS_TLS_CA: '/etc/ca.pem',
  });
  assert.deepEqual(allowed(args, 'net'), ['127.0.0.1', '0.0.0.0', 'a.example', 'b.example', 'id.example']);
  assert.deepEqual(allowed(args, 'read'), [root, '/srv/marquee', '/etc/ca.pem']);
  assert.deepEqual(allowed(args, 'write'), ['/srv/marquee']);
  assert.ok(!args.some((arg) => arg === '-A' || arg === '--allow-all' || arg.startsWith('--allow-run')));
  assert.equal(args.at(-1), resolve(root, 'services/main.ts'));
});

test('only the start runs another program: its broker', () => {
  const { args } = denoCommand('deploy/start.ts', {}, '/opt/nats-server');
  assert.deepEqual(allowed(args, 'run'), ['/opt/nats-server']);
  assert.deepEqual(allowed(args, 'net'), ['127.0.0.1']);
});
