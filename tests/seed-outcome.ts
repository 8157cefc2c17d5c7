/** How a seed ended, and what it said. */
import type { Program } from './process.ts';

export interface Outcome {
  status: number | NodeJS.Signals;
  output: string[];
  errors: string;
  counts: number[];
}

/** Waits for the end and reads the summary: read, added, updated, unchanged, rejected. */
export async function outcome(program: Program): Promise<Outcome> {
  const status = await program.ended;
  const summary = /rows read (\d+), added (\d+), updated (\d+), unchanged (\d+), rejected (\d+) \(\d+ rows\/s\)/.exec(
    program.stdout,
  );
  const counts = (summary ?? []).slice(1).map(Number);
  return { status, output: program.stdout.trimEnd().split('\n'), errors: program.stderr, counts };
}
