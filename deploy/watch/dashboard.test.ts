/** The dashboard asks only data sources that there are, and for alerts the one that has their rules. */
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
  assert.deepEqual(known.map(({ uid }) => uid).sort(), ['alertmanager', 'jaeger', 'loki', 'prometheus']);
  for (const { type, datasource, options } of panels) {
    const source = known.find(({ name, uid }) => (datasource ? uid === datasource.uid : name === options.datasource));
    // Grafana's list shows the alerts of rules: it would find none at an Alertmanager.
    assert.equal(source?.type, type === 'alertlist' ? 'prometheus' : datasource?.type, type);
  }
});
