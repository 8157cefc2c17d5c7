/** GET /movies/:id with likes at the service, against constant JSON of the same size on the same runtime. */
import { httpMovies, seedMovies, sizeOf, startConstant, startSystem } from '../lib/catalogue.ts';
import { atLeast, atMost, type Context, type Job, type Outcome } from '../lib/job.ts';
import { type Contender, compare, getRandom } from '../lib/load.ts';
import type { Runtime } from '../lib/system.ts';
import { loadTable, resultOf } from '../lib/tables.ts';

/** Requests in flight: as many as one or two gateways have under load. */
const connections = 128;
/** Target ratios to constant JSON through Hono. A request costs less on Deno, so our own work weighs more there. */
const wanted = { node: 0.5, deno: 0.45 };

export const getMovie: Job = {
  name: 'get-movie',
  title: 'GET /movies/:id with likes, at the service',
  async run(context) {
    const outcome: Outcome = { tables: [], targets: [], plots: [] };
    for (const runtime of ['node', 'deno'] as const) await onRuntime(runtime, context, outcome);
    return outcome;
  },
};

async function onRuntime(runtime: Runtime, context: Context, outcome: Outcome): Promise<void> {
  await using system = await startSystem(context, `get-movie-${runtime}`);
  const movies = await system.services(['movies'], { runtime });
  const ranking = await system.services(['ranking'], { runtime });
  await seedMovies(system, context);
  const url = movies.urls.movies as string;
  const { process: own, url: constantUrl } = await startConstant(await sizeOf(`${url}/movies/7`), runtime);
  await using constant = own;
  const request = getRandom('/movies/{id}', httpMovies);
  const contenders: Contender[] = [
    { name: 'constant', url: constantUrl, processes: [constant], request },
    { name: 'Marquee', url, processes: [movies.process, ranking.process, system.broker], request },
    {
      name: 'likes alone (ranking)',
      url: ranking.urls.ranking as string,
      processes: [ranking.process],
      request: getRandom('/votes/{id}', httpMovies),
    },
  ];
  const results = await compare(contenders, { connections, ...context });
  const marquee = resultOf(results, 'Marquee');
  const reference = resultOf(results, 'constant');
  outcome.tables.push(loadTable(`On ${runtime}, ${connections} connections`, results));
  outcome.targets.push(
    atLeast(`GET /movies/:id on ${runtime}`, wanted[runtime], marquee.perSecond / reference.perSecond, 'constant JSON'),
    atMost(
      `p99 of GET /movies/:id on ${runtime}, as a multiple of constant JSON's`,
      4,
      marquee.p99Ms / reference.p99Ms,
      '×',
    ),
  );
  outcome.plots.push({
    kind: 'bars',
    name: `get-movie-${runtime}`,
    title: `GET /movies/:id on ${runtime}`,
    unit: 'requests/s',
    bars: results.map(({ name, perSecond }) => ({ label: name, value: perSecond })),
  });
}
