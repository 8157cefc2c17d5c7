/** Keyword search over many movies in this process: how long a search blocks the event loop. */
import { movieQueries } from '../../services/movies/queries.ts';
import { atMost, type Context, type Job, type Outcome } from '../lib/job.ts';
import { searchCases } from '../lib/queries-data.ts';
import { median, quantile, round } from '../lib/stats.ts';
import { moviesView } from '../lib/views.ts';

const limit = 20;

interface Times {
  kind: string;
  q: string;
  ms: number[];
}

export const search: Job = {
  name: 'search',
  title: 'Keyword search: 200 queries with common words, prefixes and misspellings',
  async run(context) {
    const outcome: Outcome = { tables: [], targets: [], plots: [] };
    const all = context.quick ? [1000, 10_000] : [1000, 10_000, 100_000, 1_000_000];
    const sizes = all.filter((size) => size <= context.most);
    const points: Record<'p50' | 'p99' | 'longest', [number, number][]> = { p50: [], p99: [], longest: [] };
    for (const size of sizes) {
      context.say(`  ${size} movies`);
      const times = measure(context, size);
      const ms = times.flatMap((time) => time.ms);
      points.p50.push([size, quantile(ms, 0.5)]);
      points.p99.push([size, quantile(ms, 0.99)]);
      points.longest.push([size, Math.max(...ms)]);
      if (size !== sizes.at(-1)) continue;
      outcome.tables.push(byKind(size, times));
      outcome.targets.push(...others(context, size));
      outcome.targets.push(
        atMost(`search over ${size.toLocaleString('en-US')} movies, p99`, 25, quantile(ms, 0.99), 'ms'),
        atMost(
          `search over ${size.toLocaleString('en-US')} movies, longest block of the event loop`,
          50,
          Math.max(...ms),
          'ms',
        ),
      );
    }
    outcome.plots.push({
      kind: 'lines',
      name: 'search',
      title: 'Keyword search: time by size of the catalogue',
      x: 'movies',
      y: 'ms',
      lines: [
        { label: 'median', points: points.p50 },
        { label: 'p99', points: points.p99 },
        { label: 'longest', points: points.longest },
      ],
    });
    return outcome;
  },
};

function measure(context: Context, size: number): Times[] {
  using db = disposable(moviesView(context.dataFolder, size));
  const queries = movieQueries(db.database);
  const times = searchCases().map((found): Times => ({ ...found, ms: [] }));
  for (let i = 0; i < context.rounds + 1; i++) {
    for (const time of times) {
      const startedAt = performance.now();
      queries.search(time.q, { limit });
      // The first round warms the caches of SQLite and of the system.
      if (i > 0) time.ms.push(performance.now() - startedAt);
    }
  }
  return times;
}

/** Measures suggestions while typing, and three pages of lists for all combinations of filters and sort. */
function others(context: Context, size: number) {
  using db = disposable(moviesView(context.dataFolder, size));
  const queries = movieQueries(db.database);
  const timed = (work: () => void): number => {
    const startedAt = performance.now();
    work();
    return performance.now() - startedAt;
  };
  const typed = searchCases().flatMap(({ q }) => [1, 2, 3, 5, 8, 12].map((length) => q.slice(0, length)));
  for (const q of typed) queries.suggest(q);
  const suggestions = typed.map((q) => timed(() => queries.suggest(q)));
  const lists: number[] = [];
  for (const [sort, genre, year, minRating] of combinations()) {
    let cursor: string | undefined;
    for (let page = 0; page < 3; page++) {
      const input = { sort, genre, year, minRating, limit: 50, cursor };
      lists.push(timed(() => ({ next: cursor } = JSON.parse(queries.list(input)) as { next: string | undefined })));
      if (!cursor) break;
    }
  }
  const of = `over ${size.toLocaleString('en-US')} movies, p99`;
  return [
    atMost(`suggestions ${of}`, 5, quantile(suggestions, 0.99), 'ms'),
    atMost(`lists with filters ${of}`, 25, quantile(lists, 0.99), 'ms'),
  ];
}

function combinations() {
  const fields = ['movieId', 'title', 'year', 'rating', 'popularity'] as const;
  return fields
    .flatMap((field) => [field, `-${field}` as const])
    .flatMap((sort) =>
      [undefined, 'Drama', 'Comedy', 'Western'].flatMap((genre) =>
        [undefined, 2024, 1985, 1930].flatMap((year) =>
          [undefined, 5, 7.5, 8.7].map((minRating) => [sort, genre, year, minRating] as const),
        ),
      ),
    );
}

function disposable<T extends { $client: { close(): void } }>(database: T): Disposable & { database: T } {
  return { database, [Symbol.dispose]: () => database.$client.close() };
}

function byKind(size: number, times: Times[]) {
  const kinds = [...new Set(times.map(({ kind }) => kind))];
  return {
    title: `${size.toLocaleString('en-US')} movies, the first ${limit} found, ms`,
    columns: ['queries', 'number', 'p50', 'p99', 'longest', 'slowest query'],
    rows: kinds.map((kind) => {
      const own = times.filter((time) => time.kind === kind);
      const all = own.flatMap(({ ms }) => ms);
      const slowest = own.reduce((a, b) => (median(a.ms) > median(b.ms) ? a : b));
      return [
        kind,
        own.length,
        round(quantile(all, 0.5)),
        round(quantile(all, 0.99)),
        round(Math.max(...all)),
        `${slowest.q} (${round(median(slowest.ms))})`,
      ];
    }),
  };
}
