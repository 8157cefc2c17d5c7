/** A short run of chaos. `npm run chaos:long` runs longer; CHAOS_MINUTES and CHAOS_SEED change this one. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { report } from './report.ts';
import { runChaos } from './run.ts';
import { faultKinds, plan } from './schedule.ts';

const { CHAOS_MINUTES, CHAOS_SEED } = process.env;
/** With this seed every kind of fault occurs within the short run. */
const minutes = Number(CHAOS_MINUTES || 12 / 60);
const seed = Number(CHAOS_SEED || 75);

test('a seed always plans the same faults', () => {
  const members = ['gateway', 'ranking-1', 'ranking-2'];
  const first = plan(seed, 60_000, members, 'ranking-2');
  assert.deepEqual(plan(seed, 60_000, members, 'ranking-2'), first);
  assert.notDeepEqual(plan(seed + 1, 60_000, members, 'ranking-2'), first);
});

test('nothing acknowledged is lost and nothing counts twice under all faults', { timeout: 600_000 }, async (t) => {
  const lengthMs = minutes * 60_000;
  const result = await runChaos({ seed, lengthMs, workers: 4 });
  const text = report(result, lengthMs);
  await t.annotate(text);
  assert.ok(result.ledger.total('acknowledged') > lengthMs / 1000, text);
  assert.equal(result.ledger.findings.length, 0, text);
  if (CHAOS_MINUTES || CHAOS_SEED) return;
  const kinds = new Set(result.faults.map(({ kind }) => kind));
  assert.equal(kinds.size + result.skipped.length, faultKinds.length, text);
});
