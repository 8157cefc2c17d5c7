import type { Report } from './job.ts';

const noteStart = 'All sizes except the largest are from the run of';

/** Completes the report of a run with only the largest size by the other sizes of the previous run. */
export function withOtherSizes(report: Report, before: Report | undefined): Report {
  if (!before) return report;
  const tables = report.tables.map((table) => {
    const others = before.tables.find(({ title }) => title === table.title)?.rows ?? [];
    return { ...table, rows: [...others.filter(([size]) => size !== table.rows[0]?.[0]), ...table.rows] };
  });
  const plots = report.plots.map((plot) => {
    const other = before.plots.find(({ name }) => name === plot.name);
    if (plot.kind === 'bars' || other?.kind !== 'lines') return plot;
    const lines = plot.lines.map(({ label, points }) => {
      const others = other.lines.find((line) => line.label === label)?.points ?? [];
      return { label, points: [...others.filter(([x]) => x !== points[0]?.[0]), ...points] };
    });
    return { ...plot, lines };
  });
  // The previous run may itself have taken them from an earlier one.
  const note =
    before.notes?.find((text) => text.startsWith(noteStart)) ?? `${noteStart} ${before.takenAt} at ${before.commit}.`;
  return { ...report, tables, plots, notes: [...(report.notes ?? []), note] };
}
