/** `npm run chaos -- --minutes N --seed S`: causes faults in a whole system under load, and checks its guarantees. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readArguments, runProgram } from '../../shared/process/command-line.ts';
import makeBundle from '../shared-bundle.ts';
import { report } from './report.ts';
import { runChaos } from './run.ts';

const usage = `Usage: npm run chaos -- [--minutes N] [--seed S] [--workers N] [--logs DIR]

Causes faults in a whole system under load, and checks its guarantees.

  --minutes N   length of the run (default: 2)
  --seed S      repeats the schedule of an earlier run
  --workers N   concurrent clients (default: 6)
  --logs DIR    saves the logs of all processes to DIR`;

await runProgram(async () => {
  const { values } = readArguments({
    usage,
    options: {
      minutes: { type: 'string', default: '2' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
      workers: { type: 'string', default: '6' },
      logs: { type: 'string' },
    },
  });
  const [minutes, seed, workers] = [values.minutes, values.seed, values.workers].map(Number) as [
    number,
    number,
    number,
  ];
  if (!(minutes > 0) || !Number.isInteger(seed) || !(workers > 0)) {
    throw new Error('--minutes and --workers must be positive numbers, --seed a whole number');
  }
  const lengthMs = minutes * 60_000;
  const removeBundle = await makeBundle();
  const result = await runChaos({ seed, lengthMs, workers, say: (line) => console.log(line) });
  console.log(`\n${report(result, lengthMs)}`);
  if (values.logs) {
    mkdirSync(values.logs, { recursive: true });
    for (const [name, log] of Object.entries(result.logs)) writeFileSync(join(values.logs, `${name}.log`), log);
  }
  removeBundle?.();
  process.exitCode = result.ledger.findings.length > 0 ? 1 : 0;
});
