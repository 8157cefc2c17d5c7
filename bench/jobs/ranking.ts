/** Ranking by genre over many movies and votes, measured in this process. */
import type { RankBy } from '../../services/ranking/pages.ts';
import { rankingQueries } from '../../services/ranking/queries.ts';
import { atMost, type Context, type Job, type Outcome } from '../lib/job.ts';
import { quantile, round } from '../lib/stats.ts';
import { rankingView } from '../lib/views.ts';

const genres = ['Drama', 'Comedy', 'Action', 'Horror', 'Western', 'Film-Noir', undefined];
const by: RankBy[] = ['likes', 'trending', 'rating'];
const limit = 50;
const pages = 5;

export const ranking: Job = {
  name: 'ranking',
  title: 'Ranking by genre: 50 a page, the first five pages',
  async run(context) {
    const outcome: Outcome = { tables: [], targets: [], plots: [] };
    const all: [number, number][] = context.quick
      ? [[1000, 10_000]]
      : [
          [1000, 100_000],
          [10_000, 500_000],
          [100_000, 1_000_000],
          [1_000_000, 5_000_000],
        ];
    const sizes = all.filter(([movies]) => movies <= context.most);
    const rows: (string | number)[][] = [];
    const points: [number, number][] = [];
    for (const [movies, votes] of sizes) {
      context.say(`  ${movies} movies, ${votes} votes`);
      const ms = measure(context, movies, votes);
      points.push([movies, quantile(ms, 0.99)]);
      rows.push(
        [movies, votes].map((n) => n.toLocaleString('en-US')).concat([0.5, 0.99, 1].map((q) => round(quantile(ms, q)))),
      );
    }
    const p99 = points.at(-1)?.[1] ?? Number.NaN;
    outcome.targets.push(
      atMost(`ranking by genre over ${rows.at(-1)?.[0]} movies and ${rows.at(-1)?.[1]} votes, p99`, 3, p99, 'ms'),
    );
    outcome.tables.push({ title: 'A page, ms', columns: ['movies', 'votes', 'p50', 'p99', 'longest'], rows });
    outcome.plots.push({
      kind: 'lines',
      name: 'ranking',
      title: 'Ranking by genre: p99 by size of the catalogue',
      x: 'movies',
      y: 'ms',
      lines: [{ label: 'p99 of a page', points }],
    });
    return outcome;
  },
};

function measure(context: Context, movies: number, votes: number): number[] {
  const db = rankingView(context.dataFolder, movies, votes);
  const queries = rankingQueries(db);
  const ms: number[] = [];
  for (let i = 0; i < context.rounds * 10; i++) {
    for (const genre of genres) {
      for (const score of by) {
        let cursor: string | undefined;
        for (let page = 0; page < pages; page++) {
          const startedAt = performance.now();
          const answer = queries.rank({ ...(genre ? { genre } : {}), by: score, limit, cursor });
          const body = typeof answer === 'string' ? answer : JSON.stringify(answer);
          // The first round fills the caches.
          if (i > 0) ms.push(performance.now() - startedAt);
          const { next } = JSON.parse(body) as { next: string | null };
          if (next === null) break;
          cursor = next;
        }
      }
    }
  }
  db.$client.close();
  return ms;
}
