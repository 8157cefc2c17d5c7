/** The plan of `npm run chaos:edge`; the runs themselves take too long for a test. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { edges, planFaults } from './chaos-run.ts';

test('a seed always plans the same faults of every kind, and link faults only at edges', () => {
  const faults = planFaults(7, 120_000);
  assert.deepEqual(planFaults(7, 120_000), faults);
  assert.notDeepEqual(planFaults(8, 120_000), faults);
  const kinds = [...new Set(faults.map(({ kind }) => kind))].sort();
  assert.deepEqual(kinds, ['cut', 'hole', 'kill', 'killBroker', 'pause', 'slow', 'stop']);
  for (const { kind, site } of faults) if (['cut', 'hole', 'slow'].includes(kind)) assert.ok(edges.includes(site));
});
