/** The files that `npm run site` writes into the folder of a deployment. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { test } from 'vitest';
import { readConfig } from '../../shared/process/config.ts';
import { temporaryFolder } from '../../tests/folder.ts';
import { edgeLines } from './broker-lines.ts';
import { composeSteps, writeDeployment } from './deployment.ts';
import { hubAddress } from './edge-file.ts';
import { newKey } from './register.ts';
import { reachable } from './run-edge.ts';

const edge = () => ({ publicKey: newKey().publicKey });

test('each change of the edges makes Compose restart the broker, and keeps the other variables of .env', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, '.env');
  mkdirSync(join(folder.path, 'deploy/nats'), { recursive: true });
  writeFileSync(file, 'GATEWAY_PORT=8090\n');
  const [edge1, edge2] = [edge(), edge()];
  const removed = { publicKey: null };
  const registers = [{ edge1 }, { edge1, edge2 }, { edge1, edge2: edge() }, { edge1, edge2: removed }];
  const written = [...registers, { edge1, edge2: removed }].map((register) => {
    writeDeployment(folder.path, register);
    return parseEnv(readFileSync(file, 'utf8'));
  });
  const digests = written.map(({ SITES_DIGEST }) => SITES_DIGEST);
  assert.equal(new Set(digests).size, registers.length);
  assert.equal(digests.at(-1), digests.at(-2), 'unchanged edges give the same digest');
  const { SITES_DIGEST, ...others } = written.at(-1) ?? {};
  const COMPOSE_FILE = 'docker-compose.yml:deploy/edge/hub.yml';
  assert.deepEqual(others, { GATEWAY_PORT: '8090', SITES: 'hub,edge1,edge2', NATS_CONFIG: 'sites', COMPOSE_FILE });
  assert.match(readFileSync('docker-compose.yml', 'utf8'), /SITES_DIGEST: \$\{SITES_DIGEST:-\}/);
});

test('keeps a cluster of three brokers and TLS, and lets edges connect to each broker', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, '.env');
  mkdirSync(join(folder.path, 'deploy/nats'), { recursive: true });
  writeFileSync(file, 'NATS_CONFIG=secure-tls\nCOMPOSE_FILE=docker-compose.yml:deploy/cluster/compose.yml\n');
  const command =
    'docker compose up -d --wait broker-2 && docker compose up -d --wait broker-3 && docker compose up -d --wait broker && docker compose up -d --wait';
  for (let times = 0; times < 2; times++) assert.equal(writeDeployment(folder.path, { edge1: edge() }), command);
  const { NATS_CONFIG, COMPOSE_FILE = '' } = parseEnv(readFileSync(file, 'utf8'));
  assert.equal(NATS_CONFIG, 'sites-tls');
  const added = ['deploy/edge/hub.yml', 'deploy/cluster/edges.yml'];
  assert.deepEqual(COMPOSE_FILE.split(':'), ['docker-compose.yml', 'deploy/cluster/compose.yml', ...added]);
  for (const path of [...added, 'deploy/nats/sites-cluster.conf', 'deploy/nats/sites-tls-cluster.conf'])
    assert.ok(existsSync(path), path);
});

test('an edge gets the addresses of all brokers of a hub', () => {
  const { seed } = newKey();
  const hub = 'nats-leaf://one.example.org:7422,nats-leaf://two.example.org:7423';
  assert.deepEqual(hubAddress(`nats-leaf://${seed}@one.example.org,two.example.org:7423`), { hub, seed });
  assert.match(
    edgeLines({ hub }),
    /urls: \["nats-leaf:\/\/one\.example\.org:7422","nats-leaf:\/\/two\.example\.org:7423"\]/,
  );
  assert.match(
    composeSteps('edge1', `nats-leaf://${seed}@a,b`, ''),
    / HUB_URL=nats-leaf:\/\/a:7422,nats-leaf:\/\/b:7422 /,
  );
  for (const hosts of ['', 'one,', 'a b', 'one:x', 'u@one'])
    assert.throws(() => hubAddress(`nats-leaf://${seed}@${hosts}`), /is not HOST:PORT/);
});

test('an edge in a container prints its published address', () => {
  const services = [
    { name: 'gateway', url: 'http://127.0.0.1:8080' },
    { name: 'movies', url: 'http://127.0.0.1:8081' },
  ];
  const addresses = (env: Record<string, string>) =>
    Object.fromEntries(reachable(readConfig(env), services, 'nats://127.0.0.1:4222'));
  assert.deepEqual(addresses({}), {
    gateway: 'http://127.0.0.1:8080',
    movies: 'http://127.0.0.1:8081',
    broker: 'nats://127.0.0.1:4222',
  });
  const everywhere = { PUBLISHED_HOST: '0.0.0.0', PUBLISHED_PORT: '8090', OPEN_ACCESS: '1' };
  assert.deepEqual(addresses(everywhere), { gateway: 'http://127.0.0.1:8090' });
  assert.match(readFileSync('deploy/edge/compose.yml', 'utf8'), /PUBLISHED_PORT: \$\{GATEWAY_PORT:-8080\}/);
});
