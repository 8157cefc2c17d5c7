/**
 * `npm run test:compose`: tests the compose file on a Docker engine, from the build to `down`; with `-- cluster` the
 * three brokers of deploy/cluster, with `-- deno` the image for Deno. Exit status: 0 all steps passed, 1 a step failed,
 * 77 there is no engine and nothing was tested.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../shared/operations/errors.ts';
import { readArguments } from '../../shared/process/command-line.ts';
import { clusterSteps } from './cluster.ts';
import { denoSteps } from './deno.ts';
import { diagnosis } from './diagnosis.ts';
import { missingEngine } from './engine.ts';
import { Round, type Step } from './round.ts';
import { securedSteps } from './secured.ts';
import { trialSteps } from './trial.ts';

const notRun = 77;

const rounds: Record<string, Step[]> = {
  trial: [...trialSteps, ...securedSteps],
  cluster: clusterSteps,
  deno: denoSteps,
};
const usage = `Usage: npm run test:compose -- [${Object.keys(rounds).join(' | ')}]`;
const [which = 'trial'] = readArguments({ usage, positionals: { min: 0, max: 1 } }).positionals;
if (!(which in rounds)) {
  console.error(usage);
  process.exit(1);
}

const missing = missingEngine();
if (missing) {
  console.error(`NOT RUN: the compose file was not tested, because there is no Docker engine here (${missing}).`);
  process.exit(notRun);
}

const folder = mkdtempSync(join(tmpdir(), 'marquee-compose-'));
writeFileSync(join(folder, 'trial.env'), '');
const round = new Round(folder);
const steps = rounds[which] ?? [];
const startedAt = performance.now();
let failed = 0;
try {
  for (const { title, run } of steps) {
    const begin = performance.now();
    const note = await run(round).catch((error: unknown) => {
      throw new Error(`${title}: ${messageOf(error)}`, { cause: error });
    });
    console.log(
      `ok ${((performance.now() - begin) / 1000).toFixed(1).padStart(6)} s  ${title}${note ? `: ${note}` : ''}`,
    );
  }
} catch (error) {
  failed = 1;
  console.error(`FAILED ${messageOf(error)}`);
  console.error(await diagnosis(round.project));
} finally {
  await round.project.remove().catch((error: unknown) => console.error(messageOf(error)));
  rmSync(folder, { recursive: true, force: true });
}
const seconds = Math.round((performance.now() - startedAt) / 1000);
console.log(failed ? `compose: failed after ${seconds} s` : `compose: ${steps.length} steps passed in ${seconds} s`);
// Exit even if a failed step has left something running, such as load.
process.exit(failed);
