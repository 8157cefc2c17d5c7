/** Latency at a fixed rate, without coordinated omission. */
import { join } from 'node:path';
import type { Table } from './job.ts';
import { Measured } from './process.ts';
import { median, round } from './stats.ts';

interface Percentiles {
  p50Ms: number;
  p99Ms: number;
  p999Ms: number;
}

interface PacedOptions {
  targets: { name: string; url: string }[];
  rate: number;
  movies: number;
  rounds: number;
  seconds: number;
}

/** Sends GETs to each target in turn. Medians of the rounds. */
export async function paced(options: PacedOptions): Promise<{ table: Table; p99Ms: number[] }> {
  const { targets, rate, movies, rounds, seconds } = options;
  const script = join(import.meta.dirname, '../servers/paced.ts');
  await using sender = new Measured({ name: 'paced', command: process.execPath, args: [script] });
  await sender.prints(/listening/);
  const results = targets.map(() => [] as Percentiles[]);
  for (let i = 0; i < rounds + 1; i++) {
    for (const [index, { url }] of targets.entries()) {
      const result = await sender.ask<Percentiles>(JSON.stringify({ url, rate, seconds, movies, connections: 64 }));
      // The first warms everything up.
      if (i > 0) results[index]?.push(result);
    }
  }
  const rows = results.map((all, index) => [
    targets[index]?.name ?? '',
    ...(['p50Ms', 'p99Ms', 'p999Ms'] as const).map((key) => round(median(all.map((result) => result[key])))),
  ]);
  return {
    table: {
      title: `${rate.toLocaleString('en-US')} requests a second, each timed from when it was due`,
      columns: ['', 'p50 ms', 'p99 ms', 'p99.9 ms'],
      rows,
    },
    p99Ms: results.map((all) => median(all.map(({ p99Ms }) => p99Ms))),
  };
}
