/** Lists of 50 items against a constant body of the same size. */
import { seedMovies, sizeOf, startConstant, startSystem } from '../lib/catalogue.ts';
import { atLeast, type Context, type Job, type Outcome } from '../lib/job.ts';
import { compare } from '../lib/load.ts';
import { loadTable, resultOf } from '../lib/tables.ts';

const connections = 64;

export const lists: Job = {
  name: 'lists',
  title: 'Lists: GET /movies and GET /ranking/genre/:genre, 50 a page',
  async run(context) {
    const outcome: Outcome = { tables: [], targets: [], plots: [] };
    await using system = await startSystem(context, 'lists');
    const movies = await system.services(['movies']);
    const ranking = await system.services(['ranking']);
    await seedMovies(system, context);
    await list(context, outcome, {
      name: 'GET /movies',
      path: '/movies',
      program: movies,
      url: movies.urls.movies as string,
    });
    await list(context, outcome, {
      name: 'GET /ranking/genre/:genre',
      path: '/ranking/genre/Drama',
      program: ranking,
      url: ranking.urls.ranking as string,
    });
    return outcome;
  },
};

interface List {
  name: string;
  path: string;
  url: string;
  program: { process: Parameters<typeof compare>[0][number]['processes'][number] };
}

async function list(context: Context, outcome: Outcome, { name, path, url, program }: List): Promise<void> {
  const size = await sizeOf(`${url}${path}`);
  const { process: own, url: constantUrl } = await startConstant(size);
  await using constant = own;
  const request = `return wrk.format("GET", ${JSON.stringify(path)})`;
  const results = await compare(
    [
      { name: 'constant', url: constantUrl, processes: [constant], request },
      { name: 'Marquee', url, processes: [program.process], request },
    ],
    { connections, ...context },
  );
  const ratio = resultOf(results, 'Marquee').perSecond / resultOf(results, 'constant').perSecond;
  outcome.tables.push(loadTable(`${name}: ${size.toLocaleString('en-US')} bytes, ${connections} connections`, results));
  outcome.targets.push(atLeast(name, 0.5, ratio, 'a constant body of that size'));
}
