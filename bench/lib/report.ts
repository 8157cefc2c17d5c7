/** Writes bench/RESULTS.md and its plots from the kept result of each job's last run. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { denoBinary } from '../../tests/process.ts';
import type { Report, Table } from './job.ts';
import { drawPlot } from './svg.ts';

const folder = join(import.meta.dirname, '..');
const runs = join(folder, 'results');

/** Stores the result of a job. */
export function keepReport(report: Report): void {
  mkdirSync(runs, { recursive: true });
  writeFileSync(join(runs, `${report.name}.json`), `${JSON.stringify(report, null, 1)}\n`);
}

/** Returns the result of a job's last run; undefined if it never ran. */
export function lastReport(name: string): Report | undefined {
  const file = join(runs, `${name}.json`);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report) : undefined;
}

/** Writes RESULTS.md and the plots. @param order order of the jobs in the document */
export function writeResults(order: string[]): void {
  const reports = readdirSync(runs)
    .map((file) => JSON.parse(readFileSync(join(runs, file), 'utf8')) as Report)
    .sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  mkdirSync(join(folder, 'plots'), { recursive: true });
  for (const plot of reports.flatMap((report) => report.plots)) {
    writeFileSync(join(folder, 'plots', `${plot.name}.svg`), drawPlot(plot));
  }
  writeFileSync(join(folder, 'RESULTS.md'), [head(), summary(reports), ...reports.map(section)].join('\n'));
}

/** Describes this machine. */
export function thisMachine(): string {
  const { model } = cpus()[0] ?? { model: 'unknown' };
  return `${cpus().length} × ${model}, ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}`;
}

function head(): string {
  return `# Results

\`npm run bench\` writes this file; \`npm run bench -- NAME\` repeats one job. \`-- --quick\` is a smoke run with meaningless
figures. The contenders of a job run side by side and take turns. Figures are medians of the rounds, and *spread* is the
range of the rounds. A separate process on the same machine generates the load. So ratios hold on other machines but
absolute figures do not: never compare absolute figures of jobs that ran on different machines. *CPU* is each process's
processor time (user and system, from /proc) per request.

Versions: ${versions().join(', ')}.
`;
}

function versions(): string[] {
  const root = join(folder, '..');
  const first = (command: string, args: string[]): string => {
    try {
      return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).split('\n')[0] ?? '';
    } catch (error) {
      // wrk -v exits with 1.
      return String((error as { stdout?: string }).stdout ?? '').split('\n')[0] ?? '';
    }
  };
  const packageVersion = (path: string): string =>
    (JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')) as { version: string }).version;
  return [
    `Node ${process.versions.node}`,
    first(denoBinary(), ['--version']).replace(/ \(.*/, ''),
    first('sh', ['-c', 'nats-server --version 2>/dev/null || .cache/nats-server-* --version']),
    first('wrk', ['-v']).replace(/ \[.*/, ''),
    ...['hono', '@hono/node-server', 'better-sqlite3', 'zod', '@nats-io/nats-core'].map(
      (name) => `${name} ${packageVersion(`node_modules/${name}`)}`,
    ),
  ];
}

function summary(reports: Report[]): string {
  const targets = reports.flatMap((report) => report.targets);
  return table({
    title: `Targets: ${targets.filter(({ met }) => met).length} of ${targets.length} met`,
    columns: ['', 'target', 'measured', ''],
    rows: targets.map(({ job, want, got, met }) => [job, want, got, met ? 'met' : '**not met**']),
  });
}

function section(report: Report): string {
  const most = report.most === undefined ? '' : ` --most ${report.most}`;
  const votes = report.votes === undefined ? '' : ` --votes ${report.votes}`;
  const about = `\`npm run bench -- ${report.name}${most}${votes}\`, ${report.takenAt} at ${report.commit} on ${report.machine}: ${report.rounds} rounds of ${report.seconds} s, load average ${report.load} before${report.quick ? '; **a smoke run**' : ''}`;
  return [
    `## ${report.title}\n\n${about}\n`,
    ...report.tables.map(table),
    ...(report.notes ?? []).map((note) => `- ${note}\n`),
    ...report.plots.map(({ name, title }) => `![${title}](plots/${name}.svg)\n`),
  ].join('\n');
}

function table({ title, columns, rows, note }: Table): string {
  const line = (cells: (string | number)[]): string => `| ${cells.join(' | ')} |`;
  const lines = [`**${title}**`, '', line(columns), line(columns.map(() => '---')), ...rows.map(line), ''];
  return [...lines, ...(note ? [note, ''] : [])].join('\n');
}
