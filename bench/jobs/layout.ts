/** One process for all services against one for each, and two replicas against one, without a target. */
import { serviceNames } from '../../services/index.ts';
import { httpMovies, seedMovies, startSystem } from '../lib/catalogue.ts';
import type { Context, Job, Table } from '../lib/job.ts';
import { compare, getRandom } from '../lib/load.ts';
import { memoryMb } from '../lib/process.ts';
import { loadTable } from '../lib/tables.ts';

const connections = 64;
const request = getRandom('/movies/{id}', httpMovies);

export const layout: Job = {
  name: 'layout',
  title: 'Layouts: one process or many, one replica or two',
  async run(context) {
    return { tables: [await processes(context), await replicas(context)], targets: [], plots: [] };
  },
};

async function processes(context: Context): Promise<Table> {
  await using one = await startSystem(context, 'layout-one');
  const all = await one.services([]);
  await seedMovies(one, context);
  await using many = await startSystem(context, 'layout-many');
  const each = [];
  for (const name of serviceNames) each.push(await many.services([name]));
  await seedMovies(many, context);
  const entrance = each[serviceNames.indexOf('gateway')];
  const results = await compare(
    [
      {
        name: 'one process per service',
        url: entrance?.urls.gateway ?? '',
        processes: [...each.map(({ process }) => process), many.broker],
        request,
      },
      { name: 'one process', url: all.urls.gateway ?? '', processes: [all.process, one.broker], request },
    ],
    { connections, ...context },
  );
  const sum = each.reduce((all, { process }) => all + memoryMb(process.pid).now, 0);
  const alone = memoryMb(all.process.pid).now;
  const note = `Memory after the load: ${Math.round(sum)} MB with one process per service, ${Math.round(alone)} MB in one process; ${Math.round(memoryMb(many.broker.pid).now)} MB in the broker.`;
  return loadTable('GET /movies/:id through the gateway', results, note);
}

async function replicas(context: Context): Promise<Table> {
  await using system = await startSystem(context, 'layout-replicas');
  const movies = await system.services(['movies']);
  const ranking = await system.services(['ranking']);
  const entrance = await system.services(['gateway']);
  await seedMovies(system, context);
  const url = entrance.urls.gateway as string;
  const shared = [entrance.process, ranking.process, system.broker];
  const options = { connections, ...context };
  const single = await compare(
    [{ name: 'one replica', url, processes: [...shared, movies.process], request }],
    options,
  );
  const second = await system.services(['movies'], { dataDir: `${system.folder}/data-second`, name: 'second movies' });
  const both = [...shared, movies.process, second.process];
  const double = await compare([{ name: 'two replicas', url, processes: both, request }], options);
  const note =
    'Both replicas of movies share the two cores of this machine with everything else: more replicas help only with more cores.';
  return loadTable('GET /movies/:id through the gateway, replicas of movies', [...single, ...double], note);
}
