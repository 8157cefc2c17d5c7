/** `npm run bench -- [JOB …] [--quick] [--most 100000]`: runs benchmarks and writes RESULTS.md and the plots. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildAll } from '../deploy/build.ts';
import { readArguments, runProgram } from '../shared/process/command-line.ts';
import { broker } from './jobs/broker.ts';
import { edge } from './jobs/edge.ts';
import { gateway } from './jobs/gateway.ts';
import { getMovie } from './jobs/get-movie.ts';
import { growth } from './jobs/growth.ts';
import { layout } from './jobs/layout.ts';
import { like } from './jobs/like.ts';
import { lists } from './jobs/lists.ts';
import { pages } from './jobs/pages.ts';
import { ranking } from './jobs/ranking.ts';
import { rebuild } from './jobs/rebuild.ts';
import { rpc } from './jobs/rpc.ts';
import { search } from './jobs/search.ts';
import { secondFile } from './jobs/second-file.ts';
import { seed } from './jobs/seed.ts';
import { start } from './jobs/start.ts';
import { years } from './jobs/years.ts';
import type { Context, Job, Report } from './lib/job.ts';
import { keepReport, lastReport, thisMachine, writeResults } from './lib/report.ts';
import { withOtherSizes } from './lib/sizes.ts';

const jobs: Job[] = [
  getMovie,
  lists,
  gateway,
  pages,
  rpc,
  like,
  rebuild,
  seed,
  secondFile,
  search,
  ranking,
  start,
  layout,
  growth,
  broker,
  years,
  edge,
];
const root = resolve(import.meta.dirname, '..');
/** Default number of movies of the largest jobs. */
const all = 1_000_000;
const votes = 1_000_000;

const usage = `Usage: npm run bench -- [JOB …] [OPTIONS]

Measures Marquee beside other frameworks and upper bounds, and writes bench/RESULTS.md. Jobs: ${jobs.map(({ name }) => name).join(', ')}.

  --quick       small sizes, one round, and no report
  --rounds N    rounds of each measurement (default: 5)
  --seconds N   length of a round in seconds (default: 6)
  --most N      most movies (default: 1,000,000)
  --votes N     votes of the job years, over a tenth as many movies (default: 1,000,000)
  --largest     measure only the largest size in the jobs growth and years; the report keeps the others
  --dry         print the results without writing a report
  --no-build    measure the existing bundle
  --report      only write RESULTS.md again from the kept results`;

const { values, positionals } = readArguments({
  usage,
  positionals: { min: 0, max: jobs.length },
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    most: { type: 'string' },
    votes: { type: 'string' },
    largest: { type: 'boolean', default: false },
    dry: { type: 'boolean', default: false },
    'no-build': { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
  },
});

const say = (line: string): void => console.log(line);

async function measure(job: Job, context: Context): Promise<void> {
  say(`\n${job.title}`);
  const load = readFileSync('/proc/loadavg', 'utf8').split(' ')[0] ?? '';
  const outcome = await job.run(context);
  for (const { job: what, want, got, met } of outcome.targets)
    say(`${met ? 'met    ' : 'NOT MET'} ${what}: ${got} (${want})`);
  for (const table of outcome.tables) for (const row of table.rows) say(`  ${row.join(' | ')}`);
  if (values.dry || values.quick) return;
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  const { name, title } = job;
  const { quick, rounds, seconds, most } = context;
  const report: Report = {
    name,
    title,
    takenAt: new Date().toISOString().slice(0, 16),
    commit,
    machine: thisMachine(),
    quick,
    rounds,
    seconds,
    ...(most < all ? { most } : {}),
    ...(name === years.name && context.votes !== votes ? { votes: context.votes } : {}),
    load,
    ...outcome,
  };
  keepReport(context.largest ? withOtherSizes(report, lastReport(name)) : report);
}

/** Returns the value of an option. @throws Error unless it is a whole number of at least `min` */
function numberOf(option: 'rounds' | 'seconds' | 'most' | 'votes', byDefault: number, min = 1): number {
  const given = values[option] ?? String(byDefault);
  if (/^\d{1,9}$/.test(given) && Number(given) >= min) return Number(given);
  throw new Error(`--${option} ${given}: must be a whole number from ${min} to 999999999`);
}

async function main(): Promise<void> {
  const unknown = positionals.filter((name) => !jobs.some((job) => job.name === name));
  if (unknown.length > 0) {
    throw new Error(`There is no job ${unknown.join(', ')}. Jobs: ${jobs.map(({ name }) => name).join(', ')}.`);
  }
  const { quick } = values;
  const numbers = {
    rounds: numberOf('rounds', quick ? 1 : 5),
    seconds: numberOf('seconds', quick ? 1 : 6),
    most: numberOf('most', all),
    votes: numberOf('votes', votes, 100),
  };
  const order = jobs.map(({ name }) => name);
  if (values.report) return writeResults(order);
  // Inside the repository, so that the bundle finds node_modules, but not in dist/, which another build may replace.
  const dist = join(root, '.cache/bench-dist');
  if (!values['no-build']) await buildAll(dist);
  const folder = mkdtempSync(join(tmpdir(), 'marquee-bench-'));
  const context: Context = {
    quick,
    ...numbers,
    votes: quick ? 10_000 : numbers.votes,
    largest: values.largest,
    folder,
    dataFolder: join(tmpdir(), 'marquee-bench-data'),
    dist,
    say,
  };
  try {
    for (const job of jobs) {
      if (positionals.length === 0 || positionals.includes(job.name)) await measure(job, context);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (!values.dry && !quick) writeResults(order);
}

await runProgram(main);
