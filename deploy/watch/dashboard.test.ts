/** The dashboard uses configured data sources, for alerts the one with their rules, and links to published ports. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';

const read = (...path: string[]) => readFileSync(join(import.meta.dirname, ...path), 'utf8');

interface Panel {
  type: string;
  datasource?: { type: string; uid: string };
  options: { datasource?: string };
}

test('each panel has a suitable data source', () => {
  const { panels } = JSON.parse(read('dashboards', 'marquee.json')) as { panels: Panel[] };
  const sources = read('grafana', 'datasources', 'all.yml').matchAll(/name: (\w+),?\s+uid: (\w+),?\s+type: (\w+)/g);
  const known = [...sources].map(([, name, uid, type]) => ({ name, uid, type }));
  assert.deepEqual(known.map(({ uid }) => uid).sort(), ['alertmanager', 'prometheus']);
  for (const { type, datasource, options } of panels) {
    const source = known.find(({ name, uid }) => (datasource ? uid === datasource.uid : name === options.datasource));
    // Grafana's alert list shows rules, which an Alertmanager does not have.
    assert.equal(source?.type, type === 'alertlist' ? 'prometheus' : datasource?.type, type);
  }
});

test('links from a metric to its trace, and from a trace to its log, lead to published ports', () => {
  const compose = read('..', '..', 'docker-compose.yml');
  const linking = [['dashboards', 'marquee.json'], ['grafana', 'datasources', 'all.yml'], ['jaeger.json']];
  const ports = linking.map((file) =>
    [...read(...file).matchAll(/http:\/\/127\.0\.0\.1:(\d+)/g)].map(([, port]) => port),
  );
  assert.deepEqual(ports, [['16686', '9428'], ['16686'], ['9428']]);
  for (const port of ports.flat()) assert.ok(compose.includes(`ports: ["127.0.0.1:${port}:${port}"]`), port);
});
