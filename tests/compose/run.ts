/**
 * `npm run test:compose`: the compose file for real, from the build to the last `down`; with `-- cluster` the three
 * brokers of deploy/cluster. Needs a Docker engine on this host. Exit status: 0 all is well, 1 something is not, 77
 * there is no engine and nothing was tried.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../shared/errors.ts';
import { clusterSteps } from './cluster.ts';
import { missingEngine } from './engine.ts';
import { Round, type Step } from './round.ts';
import { securedSteps } from './secured.ts';
import { trialSteps } from './trial.ts';

const notRun = 77;

const missing = missingEngine();
if (missing) {
  console.error(`NOT RUN: the compose file was not tried, because there is no Docker engine here (${missing}).`);
  process.exit(notRun);
}

const folder = mkdtempSync(join(tmpdir(), 'marquee-compose-'));
writeFileSync(join(folder, 'trial.env'), '');
const cluster = process.argv[2] === 'cluster';
const round = new Round(folder, ['docker-compose.yml', ...(cluster ? ['deploy/cluster/compose.yml'] : [])]);
const steps: Step[] = cluster ? clusterSteps : [...trialSteps, ...securedSteps];
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
  console.error(await round.project.compose('ps', '--all').catch(messageOf));
  console.error(await round.project.compose('logs', '--tail', '15').catch(messageOf));
} finally {
  await round.project.compose('--profile', '*', 'down', '--volumes', '--remove-orphans').catch((error: unknown) => {
    console.error(messageOf(error));
  });
  rmSync(folder, { recursive: true, force: true });
}
const seconds = Math.round((performance.now() - startedAt) / 1000);
console.log(failed ? `compose: failed after ${seconds} s` : `compose: ${steps.length} steps passed in ${seconds} s`);
process.exitCode = failed;
