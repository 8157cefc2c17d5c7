/** Tests of the alerts in Prometheus' own rule engine. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';

const rules = join(import.meta.dirname, 'alerts.yml');
const tests = join(import.meta.dirname, 'alerts.test.yml');

function namesIn(file: string, key: string): string[] {
  const found = readFileSync(file, 'utf8').matchAll(new RegExp(`${key}: (\\w+)$`, 'gm'));
  return [...new Set([...found].map(([, name = '']) => name))].sort();
}

test('alerts.test.yml has a case for each alert', () => {
  assert.deepEqual(namesIn(tests, 'alertname'), namesIn(rules, 'alert'));
});

test('each alert fires when it should', (t) => {
  const { status, stdout, stderr, error } = spawnSync('promtool', ['test', 'rules', tests], { encoding: 'utf8' });
  if (error) {
    t.skip('promtool is missing: `apt-get install prometheus` installs it');
    return;
  }
  assert.equal(status, 0, stdout + stderr);
});
