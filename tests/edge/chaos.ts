/** `npm run chaos:edge -- --minutes N --seed S`: causes faults at three sites under load, and checks guarantees. */
import { readArguments, runProgram } from '../../shared/process/command-line.ts';
import { report } from '../chaos/report.ts';
import makeBundle from '../shared-bundle.ts';
import { runEdgeChaos } from './chaos-run.ts';

const usage = `Usage: npm run chaos:edge -- [--minutes N] [--seed S]

Causes faults in a hub and two edges under load: cuts, stalls and delays links, kills, stops and pauses sites, and kills
brokers. Then checks that all sites give the same answers, and that nothing acknowledged is lost or counted twice. Checks
again after an edge has lost its disk.

  --minutes N   length of the run (default: 2)
  --seed S      repeats the schedule of an earlier run`;

await runProgram(async () => {
  const { values } = readArguments({
    usage,
    options: {
      minutes: { type: 'string', default: '2' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    },
  });
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
  if (!(minutes > 0) || !Number.isInteger(seed))
    throw new Error('--minutes must be a positive number, --seed a whole one');
  const removeBundle = await makeBundle();
  const result = await runEdgeChaos({ seed, lengthMs: minutes * 60_000, say: (line) => console.log(line) });
  console.log(`\n${report(result, minutes * 60_000, 'chaos:edge')}`);
  removeBundle?.();
  process.exitCode = result.ledger.findings.length > 0 ? 1 : 0;
});
