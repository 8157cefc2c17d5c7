import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { nkeys } from '@nats-io/nats-core';
import { test } from 'vitest';
import { portOf, readConfig } from './config.ts';

test('has safe defaults without any variable', () => {
  const config = readConfig({});
  assert.equal(config.host, '127.0.0.1');
  assert.equal(config.dataDir, 'data');
  assert.equal(config.nats.url, undefined);
  assert.equal(config.nats.port, 4222);
  assert.equal(config.site, 'hub');
});

test('requires SITES to name this site and the hub, each once, and defaults to this site', () => {
  assert.deepEqual(readConfig({ SITE: 'north' }).sites, ['north']);
  assert.deepEqual(readConfig({ SITE: 'edge1', SITES: 'hub, edge1,edge2' }).sites, ['hub', 'edge1', 'edge2']);
  const refused: [string, string, RegExp][] = [
    ['edge1', 'hub,edge2', /SITES: must name edge1/],
    ['edge1', 'edge1,edge2', /SITES: must name hub/],
    ['hub', 'hub,edge1,edge1', /SITES: edge1 is listed twice/],
    ['hub', 'hub,edge.1', /SITES: edge\.1 must be/],
  ];
  for (const [SITE, SITES, reason] of refused) assert.throws(() => readConfig({ SITE, SITES }), reason);
});

test('treats an empty variable as unset', () => {
  assert.deepEqual(readConfig({ SITE: '', NATS_URL: '', MAX_MOVIES: '' }), readConfig({}));
});

test('reads the port of a service by its name, and refuses an invalid port', () => {
  const config = readConfig({
    MOVIES_PORT: '9001',
    TECHNICAL_SUPPORT_PORT: '0',
    NATS_PORT: '4333',
    SERIAL_PORT: '/dev/ttyS0',
    RANKING_PORT: 'tcp://10.0.0.11:6379',
  });
  const ports = ['movies', 'technical-support', 'ranking', 'support'].map((name) => portOf(config, name));
  assert.deepEqual(ports, [9001, 0, undefined, undefined]);
  for (const GATEWAY_PORT of ['80800', '8080x', '80.5', 'abc', '/dev/ttyS0']) {
    assert.throws(() => portOf(readConfig({ GATEWAY_PORT }), 'gateway'), /GATEWAY_PORT: must be a port .* not \S/);
  }
});

test('names all invalid variables in one error', () => {
  assert.throws(
    () => readConfig({ SITE: 'a site', REQUEST_TIMEOUT_MS: 'soon', LOG_LEVEL: 'loud', NATS_PORT: '70000' }),
    (error: Error) => {
      for (const name of ['SITE', 'REQUEST_TIMEOUT_MS', 'LOG_LEVEL', 'NATS_PORT'])
        assert.match(error.message, new RegExp(`^  ${name}: must be `, 'm'));
      return true;
    },
  );
});

test('refuses a certificate authority or key that no connection could use, without showing the key', () => {
  const NATS_URL = 'tls://broker.example.org';
  for (const NATS_TLS_CA of ['/nowhere/ca.pem', import.meta.filename, '-----BEGIN CERTIFICATE-----'])
    assert.throws(
      () => readConfig({ NATS_URL, NATS_TLS_CA }),
      /\n {2}NATS_TLS_CA: must be a certificate in PEM format, or its file: /,
    );
  const seed = new TextDecoder().decode(nkeys.createUser().getSeed());
  const seeds = { NATS_NKEY_SEED: seed, OPERATOR_NKEY_SEED: seed, NKEY_TECHNICAL_SUPPORT_SEED: seed };
  const { nats, operatorNkeySeed } = readConfig(seeds);
  assert.deepEqual([nats.nkeySeed, operatorNkeySeed, nats.nkeySeeds], [seed, seed, { 'technical-support': seed }]);
  const account = new TextDecoder().decode(nkeys.createAccount().getSeed());
  for (const name of Object.keys(seeds))
    for (const wrong of [seed.slice(0, -1), seed.toLowerCase(), `${seed}\n`, account])
      assert.throws(
        () => readConfig({ [name]: wrong }),
        new RegExp(`\n  ${name}: must be the seed of a user nkey[^\n]*$`),
      );
});

test('refuses an address of a broker that the client cannot use', () => {
  for (const NATS_URL of ['broker', '10.0.0.1:4222, [::1]:4223', 'nats://ann:secret@a.example,tls://b.example:4333'])
    assert.equal(readConfig({ NATS_URL }).nats.url, NATS_URL);
  for (const NATS_URL of [
    'a broker',
    'http://broker',
    'nats://',
    'broker:99999',
    'broker,',
    'nats://ann:se#cret@broker',
  ])
    assert.throws(() => readConfig({ NATS_URL }), /\n {2}NATS_URL: must be addresses such as \S+$/);
});

test('refuses a variable that has no effect without another', () => {
  const ca = rootCertificates[0] as string;
  assert.equal(readConfig({ NATS_TLS_CA: ca, NATS_URL: 'tls://broker' }).nats.tlsCa, ca);
  assert.throws(() => readConfig({ NATS_TLS_CA: ca }), /NATS_TLS_CA: set NATS_URL, too/);
  assert.throws(() => readConfig({ NATS_PASSWORD: 'x' }), /NATS_PASSWORD: set NATS_USER, too/);
});

test('refuses a data folder in /proc, where creating it would never end', () => {
  assert.throws(() => readConfig({ DATA_DIR: '/proc/marquee' }), /\n {2}DATA_DIR: must be a folder on a disk/);
});

test('refuses an origin that no browser sends, and a host that no request names', () => {
  const taken = ['*', 'null', 'https://films.example', 'http://[::1]:3000', 'capacitor://localhost'];
  assert.deepEqual(readConfig({ CORS_ORIGINS: taken.join() }).corsOrigins, taken);
  for (const CORS_ORIGINS of [
    'films.example',
    'https://films.example/',
    'https://Films.example',
    'https://films.example:443',
    'https://films.example?x',
    'https://ann@films.example',
  ])
    assert.throws(() => readConfig({ CORS_ORIGINS }), /CORS_ORIGINS: must be origins/);
  const names = ['*', 'films.example', '::1', '[fe80::1]'];
  assert.deepEqual(readConfig({ ALLOWED_HOSTS: names.join() }).allowedHosts, [...names, '127.0.0.1']);
  for (const ALLOWED_HOSTS of ['films.example:8080', 'https://films.example', '*.films.example', 'a:80'])
    assert.throws(() => readConfig({ ALLOWED_HOSTS }), /ALLOWED_HOSTS: must be host names/);
});

test('refuses to listen on the network without a key to check callers, unless told to', () => {
  assert.throws(() => readConfig({ HOST: '0.0.0.0' }), /OPEN_ACCESS=1/);
  assert.equal(readConfig({ HOST: '0.0.0.0', OPEN_ACCESS: '1' }).host, '0.0.0.0');
  for (const host of ['127.0.0.1', '::1', 'localhost']) assert.equal(readConfig({ HOST: host }).host, host);
});

test('exports traces when a collector is configured', () => {
  assert.equal(readConfig({}).tracing, false);
  assert.equal(readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: '' }).tracing, false);
  assert.equal(readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }).tracing, true);
  assert.equal(readConfig({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }).tracing, true);
});

test('accepts only partitions within RANKING_PARTITIONS', () => {
  assert.equal(readConfig({ RANKING_PARTITIONS: '1', RANKING_PARTITION: '0' }).rankingPartition, undefined);
  const part = readConfig({ RANKING_PARTITIONS: '4', RANKING_PARTITION: '3' }).rankingPartition;
  assert.deepEqual(part, { number: 3, of: 4 });
  for (const env of [
    { RANKING_PARTITIONS: '4' },
    { RANKING_PARTITION: '1' },
    { RANKING_PARTITIONS: '4', RANKING_PARTITION: '4' },
  ]) {
    assert.throws(() => readConfig(env), /^Error: Invalid environment variables:\n {2}RANKING_PARTITION: must be 0 /);
  }
});

test('docs/configuration.md lists every variable', () => {
  const text = (path: string): string => readFileSync(join(import.meta.dirname, path), 'utf8');
  const variables = [...text('config.ts').matchAll(/^ {2}([A-Z][A-Z_]+): /gm)].map(([, name]) => name);
  assert.ok(variables.includes('NATS_URL'));
  const page = text('../../docs/configuration.md');
  const missing = variables.filter((name) => !page.includes(`\`${name}\``));
  assert.deepEqual(missing, []);
});
