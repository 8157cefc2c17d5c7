/** Growth of requests, rebuilding and memory with the catalogue and its votes, without a target. */
import { startSystem } from '../lib/catalogue.ts';
import { fillMovies, fillVotes } from '../lib/fill.ts';
import type { Context, Job, Outcome } from '../lib/job.ts';
import { type Contender, compare, getRandom } from '../lib/load.ts';
import { memoryMb } from '../lib/process.ts';
import { round } from '../lib/stats.ts';
import { untilReady } from '../lib/system.ts';

const connections = 64;
const jobs = ['GET /movies/:id', 'GET /movies?year=&minRating=', 'GET /ranking/genre/:genre', 'POST like'] as const;

interface Size {
  movies: number;
  votes: number;
}

interface Grown extends Size {
  perSecond: number[];
  p99Ms: number[];
  /** Seconds from listening to ready, with both views built from nothing at the same time. */
  ready: { movies: number; ranking: number };
  mb: { movies: number; ranking: number; broker: number };
}

export const growth: Job = {
  name: 'growth',
  title: 'Growth: requests, rebuilding and memory by size of the catalogue',
  async run(context) {
    const all: Size[] = context.quick
      ? [{ movies: 1000, votes: 10_000 }]
      : [
          { movies: 1000, votes: 100_000 },
          { movies: 10_000, votes: 500_000 },
          { movies: 100_000, votes: 1_000_000 },
          { movies: 1_000_000, votes: 5_000_000 },
        ];
    const grown: Grown[] = [];
    const sizes = all.filter(({ movies }) => movies <= context.most);
    for (const size of context.largest ? sizes.slice(-1) : sizes) grown.push(await grow(context, size));
    return report(grown);
  },
};

async function grow(context: Context, { movies, votes }: Size): Promise<Grown> {
  context.say(`  ${movies} movies, ${votes} votes`);
  // The default sync, because the measured work does not wait for the disk, but filling the streams would.
  await using system = await startSystem(context, `growth-${movies}`, 'default');
  await fillMovies(system, movies);
  await fillVotes(system, votes, movies, { perMessage: 200 });
  const catalogue = await system.listen(['movies']);
  const ranking = await system.listen(['ranking']);
  const startedAt = performance.now();
  const readyAfter = async (url: string): Promise<number> => {
    await untilReady(url, 3_600_000);
    return (performance.now() - startedAt) / 1000;
  };
  const urls = { movies: catalogue.urls.movies as string, ranking: ranking.urls.ranking as string };
  const [moviesReady, rankingReady] = await Promise.all([readyAfter(urls.movies), readyAfter(urls.ranking)]);
  const requests: Record<(typeof jobs)[number], [string, string]> = {
    'GET /movies/:id': [urls.movies, getRandom('/movies/{id}', movies)],
    'GET /movies?year=&minRating=': [
      urls.movies,
      'return wrk.format("GET", "/movies?year=" .. random(1950, 2025) .. "&minRating=" .. random(30, 80) / 10)',
    ],
    'GET /ranking/genre/:genre': [
      urls.ranking,
      `return wrk.format("GET", "/ranking/genre/" .. ({"Drama", "Comedy", "Horror", "Western"})[random(1, 4)] ..
    "?by=" .. ({"likes", "trending", "rating"})[random(1, 3)])`,
    ],
    'POST like': [
      urls.ranking,
      `return wrk.format("POST", "/votes/" .. random(1, ${movies}) .. "/like", {["content-type"] = "application/json"},
    string.format('{"voterId":"viewer-%d"}', random(1, 1000000)))`,
    ],
  };
  const contenders = jobs.map((name): Contender => {
    const [url, request] = requests[name];
    return { name, url, request, processes: [catalogue.process, ranking.process, system.broker] };
  });
  const results = await compare(contenders, { ...context, connections, rounds: Math.min(context.rounds, 3) });
  return {
    movies,
    votes,
    perSecond: results.map(({ perSecond }) => perSecond),
    p99Ms: results.map(({ p99Ms }) => p99Ms),
    ready: { movies: moviesReady, ranking: rankingReady },
    mb: {
      movies: memoryMb(catalogue.process.pid).now,
      ranking: memoryMb(ranking.process.pid).now,
      broker: memoryMb(system.broker.pid).now,
    },
  };
}

function report(grown: Grown[]): Outcome {
  const count = (n: number): string => n.toLocaleString('en-US');
  const sizes = grown.map(({ movies, votes }) => [count(movies), count(votes)]);
  const withSizes = (row: (one: Grown) => (string | number)[]): (string | number)[][] =>
    grown.map((one, i) => [...(sizes[i] as string[]), ...row(one)]);
  return {
    targets: [],
    tables: [
      {
        title: `Requests a second, and p99 in ms (${connections} connections)`,
        columns: ['movies', 'votes', ...jobs],
        rows: withSizes(({ perSecond, p99Ms }) =>
          perSecond.map((rate, i) => `${round(rate)} (${round(p99Ms[i] as number)})`),
        ),
      },
      {
        title: 'Both views built from nothing at the same time: seconds until ready; memory (MB) after the load',
        columns: ['movies', 'votes', 'movies ready', 'ranking ready', 'movies MB', 'ranking MB', 'broker MB'],
        rows: withSizes(({ ready, mb }) =>
          [ready.movies, ready.ranking, mb.movies, mb.ranking, mb.broker].map((value) => round(value)),
        ),
      },
    ],
    plots: [
      {
        kind: 'lines',
        name: 'growth',
        title: 'Requests a second by size of the catalogue',
        x: 'movies',
        y: 'requests/s',
        lines: jobs.map((label, i) => ({
          label,
          points: grown.map(({ movies, perSecond }): [number, number] => [movies, perSecond[i] as number]),
        })),
      },
    ],
  };
}
