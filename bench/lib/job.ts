/** Types of benchmark jobs and of their results. */

export interface Context {
  /** A smoke test with little data and short rounds, whose figures are meaningless. */
  quick: boolean;
  rounds: number;
  /** Length of a round of load. */
  seconds: number;
  /** Most movies of any job, which has up to five times as many votes. */
  most: number;
  /** Votes of the simulated years. */
  votes: number;
  /** Whether jobs with several sizes measure only the largest. */
  largest: boolean;
  /** Temporary folder of this run. */
  folder: string;
  /** Folder of generated data, kept between runs. */
  dataFolder: string;
  /** Folder of the bundle that the image ships. */
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
  /** File name without extension. */
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

/** The kept result of a job's last run, from which the report is written. */
export interface Report extends Outcome {
  name: string;
  title: string;
  takenAt: string;
  commit: string;
  machine: string;
  quick: boolean;
  rounds: number;
  seconds: number;
  /** Set if it was less than the default. */
  most?: number;
  /** Set if it was not the default. */
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
