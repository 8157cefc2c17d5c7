/** Start with existing views, and memory, of the shipped bundle with 1,000 movies. */
import { join } from 'node:path';
import { serviceNames } from '../../services/index.ts';
import { seedMovies, startSystem } from '../lib/catalogue.ts';
import { atMost, type Context, type Job } from '../lib/job.ts';
import { Measured, memoryMb } from '../lib/process.ts';
import { median, round } from '../lib/stats.ts';
import type { BenchSystem, Runtime } from '../lib/system.ts';

interface Row {
  what: string;
  seconds: number;
  mb: number;
  own: number;
}

const root = join(import.meta.dirname, '../..');
const settleMs = 2000;

export const start: Job = {
  name: 'start',
  title: 'Start until ready, and memory, with 1,000 movies',
  async run(context) {
    await using system = await startSystem(context, 'start');
    await seeded(system, context);
    const rows: Row[] = [];
    for (const runtime of ['node', 'deno'] as const) {
      rows.push(await measured(system, context, [], runtime));
      for (const name of serviceNames) {
        rows.push(await measured(system, context, [name], runtime));
      }
    }
    const whole = await npmStart(context);
    const node = rows.filter(({ what }) => what.endsWith('node'));
    const alone = Math.max(...node.slice(1).map(({ mb }) => mb));
    return {
      tables: [
        {
          title: 'Bundled services on a running broker: time from process start until all are ready; memory 2 s later',
          columns: ['', 'seconds', 'RSS MB', 'of which not file-backed, MB'],
          rows: rows.map(({ what, seconds, mb, own }) => [what, round(seconds), Math.round(mb), Math.round(own)]),
        },
        {
          title: 'Second `npm start` (build, broker, streams, all services)',
          columns: ['', 'seconds'],
          rows: [['until ready', round(whole)]],
        },
      ],
      targets: [
        atMost('second npm start until everything is ready', 2, whole, 's'),
        atMost('memory of all services in one process', 150, node[0]?.mb ?? Number.NaN, 'MB'),
        atMost('memory of one service alone (the largest)', 115, alone, 'MB'),
      ],
      plots: [],
    };
  },
};

async function seeded(system: BenchSystem, context: Context): Promise<void> {
  const all = await system.services([], { dataDir: join(system.folder, 'data-start') });
  await seedMovies(system, context);
  // The other services must have read the movies, too.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await stopped(all.process);
}

async function measured(system: BenchSystem, context: Context, names: string[], runtime: Runtime): Promise<Row> {
  const seconds: number[] = [];
  const mb: number[] = [];
  const own: number[] = [];
  for (let i = 0; i < Math.min(context.rounds, 3); i++) {
    const startedAt = performance.now();
    const program = await system.services(names, { runtime, dataDir: join(system.folder, 'data-start') });
    seconds.push((performance.now() - startedAt) / 1000);
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const memory = memoryMb(program.process.pid);
    mb.push(memory.now);
    own.push(memory.own);
    await stopped(program.process);
  }
  const row = {
    what: `${names.join() || 'all services'}, ${runtime}`,
    seconds: median(seconds),
    mb: median(mb),
    own: median(own),
  };
  context.say(`  ${row.what}: ${row.seconds.toFixed(2)} s, ${Math.round(row.mb)} MB`);
  return row;
}

/** Measures a second `npm start`, as a developer runs it. */
async function npmStart(context: Context): Promise<number> {
  await using system = await startSystem(context, 'npm-start');
  const seconds: number[] = [];
  for (let i = 0; i < Math.min(context.rounds, 3) + 1; i++) {
    const env = { ...system.environment(), NATS_URL: '', NATS_PORT: '0' };
    const startedAt = performance.now();
    await using program = new Measured({ name: 'npm start', command: 'npm', args: ['start'], cwd: root, env });
    await program.prints(/ready after/);
    if (i > 0) seconds.push((performance.now() - startedAt) / 1000);
    await stopped(program);
  }
  return median(seconds);
}

async function stopped(program: Measured): Promise<void> {
  program.child.kill('SIGTERM');
  await program.ended;
}
