/** What a benchmark job is, and what it leaves for the report. */

export interface Context {
  /** A smoke run: little data, short rounds. Its figures mean nothing. */
  quick: boolean;
  rounds: number;
  /** Length of one round of load. */
  seconds: number;
  /** Most movies of any job; votes are up to five times as many. Fewer where there is no time for all. */
  most: number;
  /** Votes of the simulated years. */
  votes: number;
  /** Whether jobs that grow leave out all sizes but the largest. */
  largest: boolean;
  /** Temporary folder of this run. */
  folder: string;
  /** Folder of generated data, kept between runs. */
  dataFolder: string;
  /** Folder of the bundle: what the image ships. */
  dist: string;
  say(line: string): void;
}

export interface Table {
  title: string;
  columns: string[];
  rows: (string | number)[][];
  note?: string;
}

export interface Target {
  job: string;
  want: string;
  got: string;
  met: boolean;
}

export interface BarPlot {
  kind: 'bars';
  /** File name without its ending. */
  name: string;
  title: string;
  unit: string;
  bars: { label: string; value: number }[];
}

export interface LinePlot {
  kind: 'lines';
  name: string;
  title: string;
  x: string;
  y: string;
  lines: { label: string; points: [number, number][] }[];
}

export type Plot = BarPlot | LinePlot;

export interface Outcome {
  tables: Table[];
  targets: Target[];
  plots: Plot[];
  notes?: string[];
}

export interface Job {
  name: string;
  title: string;
  run(context: Context): Promise<Outcome>;
}

/** What is kept of a job's last run, to write the report from. */
export interface Report extends Outcome {
  name: string;
  title: string;
  takenAt: string;
  commit: string;
  machine: string;
  quick: boolean;
  rounds: number;
  seconds: number;
  /** Where it was less than all. */
  most?: number;
  /** Where it was another number than the default. */
  votes?: number;
  load: string;
}

/** A target of the form "measured ÷ reference is at least". */
export function atLeast(job: string, wanted: number, ratio: number, of: string): Target {
  return { job, want: `≥ ${wanted} of ${of}`, got: ratio.toFixed(2), met: ratio >= wanted };
}

/** A target of the form "measured is at most". */
export function atMost(job: string, wanted: number, value: number, unit: string): Target {
  return {
    job,
    want: `≤ ${wanted} ${unit}`,
    got: `${value.toFixed(value < 10 ? 2 : 0)} ${unit}`,
    met: value <= wanted,
  };
}
