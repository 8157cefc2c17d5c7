/** Returns results of load as a table with ratios to the first row. */
import type { Table } from './job.ts';
import type { LoadResult } from './load.ts';
import { round } from './stats.ts';

export function loadTable(title: string, results: LoadResult[], note?: string): Table {
  const first = results[0] as LoadResult;
  return {
    title,
    columns: ['', 'requests/s', 'ratio', 'spread', 'p50 ms', 'p99 ms', 'CPU µs a request, by process'],
    rows: results.map((result) => [
      result.name,
      round(result.perSecond),
      (result.perSecond / first.perSecond).toFixed(2),
      `${Math.round(result.spread * 100)} %`,
      round(result.p50Ms),
      round(result.p99Ms),
      Object.entries(result.cpu)
        .map(([name, cpu]) => `${name} ${round(cpu)}`)
        .join(', '),
    ]),
    ...(note ? { note } : {}),
  };
}

/** Returns the result of a contender. */
export function resultOf(results: LoadResult[], name: string): LoadResult {
  const found = results.find((result) => result.name === name);
  if (!found) throw new Error(`no result for ${name}`);
  return found;
}
