/** Seed of a CSV file until durable and searchable, against the same rows written directly to SQLite. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { startSystem } from '../lib/catalogue.ts';
import { atLeast, atMost, type Context, type Job, type Outcome } from '../lib/job.ts';
import { moviesCsv } from '../lib/movies-data.ts';
import { cpuSeconds, folderMb, Measured, memoryMb } from '../lib/process.ts';
import { round } from '../lib/stats.ts';

interface Sample {
  rows: number;
  mb: Record<string, number>;
}

interface Seeded {
  rate: number;
  cpu: string;
  samples: Sample[];
  brokerDiskMb: number;
}

export const seed: Job = {
  name: 'seed',
  title: 'Seed of a CSV, from the file to durable and searchable',
  async run(context) {
    const outcome: Outcome = { tables: [], targets: [], plots: [] };
    const sizes = context.quick ? [1000, 5000] : [1000, 10_000, 100_000, 1_000_000];
    const largest = Math.min(context.most, sizes.at(-1) as number);
    const rows: (string | number)[][] = [];
    const points: Record<'direct' | 'whole', [number, number][]> = { direct: [], whole: [] };
    for (const size of sizes.filter((one) => one <= largest)) {
      const csv = moviesCsv(context.dataFolder, size);
      const parsing = await direct('parse-csv', [csv]);
      const file = join(context.folder, 'direct.sqlite');
      const sqlite = await direct('seed-sqlite', [csv, file]);
      for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
      const whole = await seeded(context, size, csv);
      context.say(
        `  ${size}: ${Math.round(sqlite)} rows/s straight, ${Math.round(whole.rate)} rows/s by seed (${whole.cpu})`,
      );
      points.direct.push([size, sqlite]);
      points.whole.push([size, whole.rate]);
      rows.push([
        size.toLocaleString('en-US'),
        round(parsing),
        round(sqlite),
        round(whole.rate),
        (whole.rate / sqlite).toFixed(2),
        whole.cpu,
      ]);
      if (size !== largest) continue;
      outcome.targets.push(
        atLeast(`seed of ${size.toLocaleString('en-US')} rows`, 0.4, whole.rate / sqlite, 'straight into SQLite'),
      );
      memory(whole, outcome);
    }
    outcome.tables.unshift({
      title: 'Rows per second (one run each; straight and parsing alone in a process of their own)',
      columns: ['rows', 'parsing alone', 'straight into SQLite', 'seed', 'ratio', 'processor seconds'],
      rows,
    });
    outcome.plots.push({
      kind: 'lines',
      name: 'seed',
      title: 'Seed: rows per second by size of the file',
      x: 'rows',
      y: 'rows/s',
      lines: [
        { label: 'straight into SQLite', points: points.direct },
        { label: 'seed: durable and searchable', points: points.whole },
      ],
    });
    return outcome;
  },
};

async function direct(server: string, args: string[]): Promise<number> {
  const script = join(import.meta.dirname, `../servers/${server}.ts`);
  await using program = new Measured({ name: server, command: process.execPath, args: [script, ...args] });
  const [, json] = await program.prints(/(\{.*\})/, 1_200_000);
  const { rows, seconds } = JSON.parse(json as string) as { rows: number; seconds: number };
  return rows / seconds;
}

async function seeded(context: Context, size: number, csv: string): Promise<Seeded> {
  await using system = await startSystem(context, `seed-${size}`);
  const movies = await system.services(['movies']);
  const measured = [movies.process, system.broker];
  const before = measured.map(({ pid }) => cpuSeconds(pid));
  const samples: Sample[] = [];
  const startedAt = performance.now();
  const program = system.seed(csv);
  let seedCpu = 0;
  const sampler = setInterval(() => {
    try {
      seedCpu = cpuSeconds(program.pid);
      const mb = Object.fromEntries([...measured, program].map(({ name, pid }) => [name, memoryMb(pid).now]));
      // The number of rows is filled in at the end, assuming a constant rate.
      samples.push({ rows: 0, mb });
    } catch {
      // The seed has exited.
    }
  }, 500);
  await program.prints(/rows read.*\n/, 3_600_000);
  clearInterval(sampler);
  const seconds = (performance.now() - startedAt) / 1000;
  await program.ended;
  if (program.child.exitCode !== 0) throw new Error(`the seed failed:\n${program.output}`);
  const found = await fetch(`${movies.urls.movies}/movies/${size}`);
  if (!found.ok) throw new Error(`movie ${size} is not there after the seed`);
  samples.forEach((sample, index) => {
    sample.rows = (size * (index + 1)) / samples.length;
  });
  const cpu = measured.map(({ name, pid }, i) => `${name} ${(cpuSeconds(pid) - (before[i] as number)).toFixed(1)}`);
  return {
    rate: size / seconds,
    cpu: [...cpu, `seed ${seedCpu.toFixed(1)}`].join(', '),
    samples,
    brokerDiskMb: folderMb(join(system.folder, 'nats')),
  };
}

/** Reports the memory of each process during the seed of the largest file, and its peak. */
function memory({ samples, brokerDiskMb }: Seeded, outcome: Outcome): void {
  const names = Object.keys(samples[0]?.mb ?? {});
  const at = (rows: number): Sample | undefined => samples.find((sample) => sample.rows >= rows);
  const largest = samples.at(-1)?.rows ?? 0;
  const marks = [0.1, 0.25, 0.5, 0.75, 1].map((part) => part * largest);
  outcome.tables.push({
    title: 'Memory (RSS, MB) as the largest file is seeded',
    columns: ['process', ...marks.map((mark) => `at ${mark.toLocaleString('en-US')}`), 'peak'],
    rows: names.map((name) => [
      name,
      ...marks.map((mark) => Math.round(at(mark)?.mb[name] ?? Number.NaN)),
      Math.round(Math.max(...samples.map(({ mb }) => mb[name] ?? 0))),
    ]),
    note: `The broker's files take ${Math.round(brokerDiskMb)} MB.`,
  });
  const peak = Math.max(...samples.flatMap(({ mb }) => Object.values(mb)));
  outcome.targets.push(atMost('memory of every process during the seed', 350, peak, 'MB'));
}
