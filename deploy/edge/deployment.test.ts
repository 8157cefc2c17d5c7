/** What `npm run site` writes into the folder of a deployment. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { test } from 'vitest';
import { temporaryFolder } from '../../tests/folder.ts';
import { writeDeployment } from './deployment.ts';
import { newKey } from './register.ts';

const edge = () => ({ publicKey: newKey().publicKey });

test('each change of the edges has Compose start the broker anew, and whatever else is in .env stays', () => {
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
  assert.equal(digests.at(-1), digests.at(-2), 'the same, where nothing has changed');
  const { SITES_DIGEST, ...others } = written.at(-1) ?? {};
  assert.deepEqual(others, { GATEWAY_PORT: '8090', SITES: 'hub,edge1,edge2', NATS_CONFIG: 'sites' });
  assert.match(readFileSync('docker-compose.yml', 'utf8'), /SITES_DIGEST: \$\{SITES_DIGEST:-\}/);
});
