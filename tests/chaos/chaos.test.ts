/** A short run of chaos. `npm run chaos:long` is the same for longer; CHAOS_MINUTES and CHAOS_SEED change this one. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { report } from './report.ts';
import { runChaos } from './run.ts';
import { plan } from './schedule.ts';

const minutes = Number(process.env.CHAOS_MINUTES || 25 / 60);
const seed = Number(process.env.CHAOS_SEED || 7);

test('a seed always plans the same faults', () => {
  const members = ['gateway', 'ranking-1', 'ranking-2'];
  const first = plan(seed, 60_000, members, 'ranking-2');
  assert.deepEqual(plan(seed, 60_000, members, 'ranking-2'), first);
  assert.notDeepEqual(plan(seed + 1, 60_000, members, 'ranking-2'), first);
});

test('whatever happens, nothing acknowledged is lost and nothing is counted twice', async (t) => {
  const lengthMs = minutes * 60_000;
  const result = await runChaos({ seed, lengthMs, workers: 4 });
  const text = report(result, lengthMs);
  await t.annotate(text);
  assert.ok(result.ledger.total('acknowledged') > lengthMs / 1000, text);
  assert.equal(result.ledger.findings.length, 0, text);
});
