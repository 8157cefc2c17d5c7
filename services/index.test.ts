/** Checks what every service needs in its folder and outside, and names the file that lacks it. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'vitest';
import { readingsOf } from '../deploy/nats/permissions.ts';
import { readConfig } from '../shared/process/config.ts';
import { streams } from '../streams/index.ts';
import { streamsAt } from '../streams/sites.ts';
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

test('ports are unique, and the streams and services that services name exist', async () => {
  const ports = services.map(({ port }) => port);
  assert.deepEqual([...new Set(ports)], ports);
  const known = new Set(streams.map(({ name }) => name));
  for (const service of services) {
    const { name, asks = [], events, publishes = events } = service;
    for (const asked of asks === 'all' ? [] : asks) assert.ok(serviceNames.includes(asked), `${name} asks ${asked}`);
    for (const { type, stream } of [...events, ...publishes]) {
      assert.ok(known.has(stream), `streams/index.ts has no ${stream}, the stream of ${type}`);
    }
    for (const { stream } of await readingsOf(service)) {
      assert.ok(known.has(stream), `streams/index.ts has no ${stream}, which ${name} reads`);
    }
  }
});

test('each stream has subjects of its own at each of several sites', () => {
  for (const site of ['hub', 'edge1'])
    for (const { name, subjects = [] } of streamsAt({ site, sites: ['hub', 'edge1'] })) {
      if (name === 'DEADLETTERS') continue;
      for (const subject of subjects) assert.ok(subject.split('.').includes(site), `${name} at ${site}: ${subject}`);
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

    test('access-decisions.ts states the access of each of its operations', async () => {
      const { decisions } = await import(join(folder, 'access-decisions.ts'));
      const declared = Object.entries(service.operations).map(([name, { access }]) => [name, access]);
      assert.deepEqual(decisions, Object.fromEntries(declared), `services/${service.name}/access-decisions.ts`);
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
