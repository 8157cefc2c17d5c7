/** Runs the seed and reads its result. */
import { readOptions } from '../seed/options.ts';
import { rejectsFileFor } from '../seed/rejects.ts';
import { runSeed } from '../seed/seed.ts';
import { describe, statusOf } from '../seed/summary.ts';
import type { System } from './harness.ts';
import type { Program } from './process.ts';

export interface Outcome {
  status: number | NodeJS.Signals;
  output: string[];
  errors: string;
  counts: number[];
}

/** Waits until the program exits, and parses its summary; `counts` has read, added, updated, unchanged, rejected. */
export async function outcome(program: Program): Promise<Outcome> {
  const status = await program.ended;
  const summary = /rows read (\d+), added (\d+), updated (\d+), unchanged (\d+), rejected (\d+) \(\d+ rows\/s\)/.exec(
    program.stdout,
  );
  const counts = (summary ?? []).slice(1).map(Number);
  return { status, output: program.stdout.trimEnd().split('\n'), errors: program.stderr, counts };
}

/** Runs a seed in this process. */
export async function seedIn({ connection, folder }: System, args: string[]): Promise<Outcome> {
  const { csv, map, encoding, max, ids, fill, rejects = rejectsFileFor(csv, folder) } = readOptions(args);
  const output: string[] = [];
  const say = (line: string): void => void output.push(line);
  const rules = { ids, fill };
  const summary = await runSeed({ csv, map, encoding, max, rules, rejectsFile: rejects, connection, say });
  const { read, added, updated, unchanged, rejected } = summary;
  output.push(...describe(summary));
  return { status: statusOf(summary), output, errors: '', counts: [read, added, updated, unchanged, rejected] };
}
