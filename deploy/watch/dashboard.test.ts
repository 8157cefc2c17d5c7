/** The dashboard asks only data sources that there are, and for alerts the one that has their rules. Links lead to pages. */
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

test('each panel has a data source that it can use', () => {
  const { panels } = JSON.parse(read('dashboards', 'marquee.json')) as { panels: Panel[] };
  const sources = read('grafana', 'datasources', 'all.yml').matchAll(/name: (\w+),?\s+uid: (\w+),?\s+type: (\w+)/g);
  const known = [...sources].map(([, name, uid, type]) => ({ name, uid, type }));
  assert.deepEqual(known.map(({ uid }) => uid).sort(), ['alertmanager', 'prometheus']);
  for (const { type, datasource, options } of panels) {
    const source = known.find(({ name, uid }) => (datasource ? uid === datasource.uid : name === options.datasource));
    // Grafana's list shows the alerts of rules: it would find none at an Alertmanager.
    assert.equal(source?.type, type === 'alertlist' ? 'prometheus' : datasource?.type, type);
  }
});

test('links from a metric to its trace, and from there to its log, are to ports that are published', () => {
  const compose = read('..', '..', 'docker-compose.yml');
  const linking = [['dashboards', 'marquee.json'], ['grafana', 'datasources', 'all.yml'], ['jaeger.json']];
  const ports = linking.map((file) =>
    [...read(...file).matchAll(/http:\/\/127\.0\.0\.1:(\d+)/g)].map(([, port]) => port),
  );
  assert.deepEqual(ports, [['16686', '9428'], ['16686'], ['9428']]);
  for (const port of ports.flat()) assert.ok(compose.includes(`ports: ["127.0.0.1:${port}:${port}"]`), port);
});
