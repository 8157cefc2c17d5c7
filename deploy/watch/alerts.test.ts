/** Each alert fires when it should, in Prometheus' own engine. */
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

test('there is a case for each alert', () => {
  assert.deepEqual(namesIn(tests, 'alertname'), namesIn(rules, 'alert'));
});

test('each fires', (t) => {
  const { status, stdout, stderr, error } = spawnSync('promtool', ['test', 'rules', tests], { encoding: 'utf8' });
  if (error) {
    t.skip('promtool is not here: `apt-get install prometheus` brings it');
    return;
  }
  assert.equal(status, 0, stdout + stderr);
});
