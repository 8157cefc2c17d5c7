/** Checks what every service needs in its folder and outside, and names the file that lacks it. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'vitest';
import { readConfig } from '../shared/process/config.ts';
import { streams } from '../streams/index.ts';
import { type Service, serviceNames, services } from './index.ts';
import { startServices } from './start.ts';

const root = join(import.meta.dirname, '..');
const compose = readFileSync(join(root, 'docker-compose.yml'), 'utf8');

/** Returns a service's block of docker-compose.yml, if there is one. */
function blockOf(name: string): string | undefined {
  return new RegExp(`^ {2}${name}:(?: &\\w+)?\\n((?: {4}.*\\n|\\n)+)`, 'm').exec(compose)?.[1];
}

test('services/index.ts lists every service folder', () => {
  const folders = globSync('*/service.ts', { cwd: import.meta.dirname }).map((file) => dirname(file));
  assert.deepEqual([...serviceNames].sort(), folders.sort());
});

test('refuses an invalid port, even of a service that this process does not run', async () => {
  for (const name of ['GATEWAY_PORT', 'GATEWAY_OPERATOR_PORT'])
    await assert.rejects(
      startServices(readConfig({ [name]: '80800' }), ['movies']),
      new RegExp(`${name}: must be a port`),
    );
});

test('ports are unique, and the streams and services that contracts name exist', () => {
  const ports = services.map(({ port }) => port);
  assert.deepEqual([...new Set(ports)], ports);
  for (const { name, asks = [], events, publishes = events } of services) {
    for (const asked of asks === 'all' ? [] : asks) assert.ok(serviceNames.includes(asked), `${name} asks ${asked}`);
    for (const { type, stream } of [...events, ...publishes]) {
      assert.ok(
        streams.some((one) => one.name === stream),
        `streams/ has no ${stream}, the stream of ${type}`,
      );
    }
  }
});

for (const service of services) {
  describe(service.name, () => {
    const folder = join(import.meta.dirname, service.name);
    const hasView = existsSync(join(folder, 'projections.ts'));

    test('its folder has the usual files', () => {
      const files = [
        'contract.ts',
        'access-decisions.ts',
        'service.ts',
        ...(hasView ? ['schema.ts', 'queries.ts', 'migrations/meta'] : []),
      ];
      for (const file of files)
        assert.ok(existsSync(join(folder, file)), `services/${service.name}/${file} is missing`);
      assert.ok(globSync('*.test.ts', { cwd: folder }).length > 0, `services/${service.name} has no test`);
      for (const { subject } of Object.values(service.operations)) {
        assert.ok(subject.startsWith(`${service.name}.`), `${subject} must begin with ${service.name}.`);
      }
    });

    test('docker-compose.yml has a block for it', () => checkBlock(service, hasView));
  });
}

function checkBlock({ name, port }: Service, hasView: boolean): void {
  const block = blockOf(name);
  assert.ok(block, `docker-compose.yml has no block ${name}`);
  const variable = name.toUpperCase().replaceAll('-', '_');
  const wanted = [
    `main.js, ${name}]`,
    `HEALTH_PORT: ${name === 'gateway' ? 9080 : port}\n`,
    `NATS_NKEY_SEED: \${NKEY_${variable}_SEED:-}`,
  ];
  if (hasView) wanted.push('<<: *service', `\${${variable}_REPLICAS:-1}`, 'REPLICA_FOLDERS: 1', `[${name}:/data]`);
  for (const text of wanted) assert.ok(block.includes(text), `the block ${name} of docker-compose.yml lacks ${text}`);
  const volumes = compose.slice(compose.indexOf('\nvolumes:\n'));
  assert.ok(!hasView || volumes.includes(`\n  ${name}:\n`), `docker-compose.yml lacks the volume ${name} at its end`);
}
