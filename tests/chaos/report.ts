/** Formats the result of a run. */
import type { RunResult } from './run.ts';

/** Returns the report as text. */
export function report(
  { seed, faults, ledger, recoveries, settledMs, skipped }: Omit<RunResult, 'faults' | 'logs'> & { faults: unknown[] },
  lengthMs: number,
  command = 'chaos',
): string {
  const ms = (value: number): string => (Number.isFinite(value) ? `${(value / 1000).toFixed(1)} s` : 'never');
  const times = recoveries.map((recovery) => recovery.ms).sort((a, b) => a - b);
  const worst = recoveries.reduce((most, recovery) => (recovery.ms > most.ms ? recovery : most), {
    fault: 'none',
    ms: 0,
  });
  const rows = [...ledger.counts].filter(([name]) => name !== 'faults').sort(([a], [b]) => a.localeCompare(b));
  return [
    `Chaos with seed ${seed}, ${ms(lengthMs)} of faults (${faults.length})`,
    '',
    'Faults:',
    ...[...(ledger.counts.get('faults') ?? [])].sort().map(([kind, count]) => `  ${kind.padEnd(18)}${count}`),
    ...skipped.map((what) => `  skipped: ${what}`),
    '',
    'Operations:',
    ...rows.map(([name, outcomes]) => {
      const parts = [...outcomes].sort().map(([outcome, count]) => `${outcome} ${count}`);
      return `  ${name.padEnd(18)}${parts.join(', ')}`;
    }),
    '',
    `Recovery after a fault: median ${ms(times[Math.floor(times.length / 2)] ?? 0)}, worst ${ms(worst.ms)} (${worst.fault})`,
    `All ready and complete after the last: ${ms(settledMs)}`,
    '',
    ledger.findings.length === 0
      ? 'Nothing was found: every promise was kept.'
      : `Found ${ledger.findings.length}:\n${ledger.findings.map((finding) => `  - ${finding}`).join('\n')}`,
    '',
    `Repeat: npm run ${command} -- --minutes ${Number((lengthMs / 60_000).toFixed(3))} --seed ${seed}`,
  ].join('\n');
}
