/** GET of a movie through the gateway, against NestJS and Moleculer doing the same work. */
import { httpMovies, seedMovies, startSystem } from '../lib/catalogue.ts';
import { atLeast, type Job, type Outcome } from '../lib/job.ts';
import { type Contender, compare, getRandom, type LoadResult } from '../lib/load.ts';
import { installPeers, type Peer, peerDatabase, startPeer } from '../lib/peers.ts';
import type { BenchSystem } from '../lib/system.ts';
import { loadTable, resultOf } from '../lib/tables.ts';

/** Requests in flight: with few, latency between processes decides; with many, the processor time of one process. */
const loads = [64, 256];
const request = getRandom('/movies/{id}', httpMovies);

interface Rival {
  name: string;
  peer: Peer;
  equipment?: string[];
  /** Target ratio of Marquee's requests a second to this rival's. */
  wanted: number;
}

/**
 * Every request to Marquee has metrics, a timeout and a circuit breaker. Moleculer does the same work only with its own
 * metrics, timeouts and breakers turned on; by default it has none of them.
 */
const rivals: Rival[] = [
  { name: 'NestJS, Fastify, NATS', peer: 'nest', wanted: 3 },
  { name: 'Moleculer, moleculer-web, NATS', peer: 'moleculer', wanted: 2.5 },
  { name: 'Moleculer with metrics, breakers and timeouts', peer: 'moleculer', equipment: ['equipped'], wanted: 3.5 },
];

export const gateway: Job = {
  name: 'gateway',
  title: 'GET /movies/:id with likes, through the gateway',
  async run(context) {
    installPeers(context.say);
    await using system = await startSystem(context, 'gateway');
    const movies = await system.services(['movies']);
    const ranking = await system.services(['ranking']);
    const entrance = await system.services(['gateway']);
    await seedMovies(system, context);
    const database = peerDatabase(system.folder, httpMovies);
    const behind = [movies.process, ranking.process, system.broker];
    const contenders: Contender[] = [
      { name: 'Marquee, service directly', url: movies.urls.movies as string, processes: behind, request },
      { name: 'Marquee', url: entrance.urls.gateway as string, processes: [entrance.process, ...behind], request },
    ];
    for (const rival of rivals) contenders.push(await contenderOf(rival, system, database));
    const outcome: Outcome = { tables: [], targets: [], plots: [] };
    for (const connections of loads) {
      context.say(`  ${connections} connections`);
      report(await compare(contenders, { connections, ...context }), connections, outcome);
    }
    return outcome;
  },
};

function report(results: LoadResult[], connections: number, outcome: Outcome): void {
  const job = `a movie through the gateway, ${connections} connections`;
  const marquee = resultOf(results, 'Marquee').perSecond;
  const of = (name: string): number => marquee / resultOf(results, name).perSecond;
  outcome.tables.push(loadTable(`Gateway, movies and ranking each a process, ${connections} connections`, results));
  outcome.targets.push(...rivals.map(({ name, wanted }) => atLeast(job, wanted, of(name), name)));
  outcome.plots.push({
    kind: 'bars',
    name: `gateway-${connections}`,
    title: `A movie with its likes through the gateway, ${connections} connections`,
    unit: 'requests/s',
    bars: results.map(({ name, perSecond }) => ({ label: name, value: perSecond })),
  });
}

async function contenderOf(
  { name, peer, equipment }: Rival,
  system: BenchSystem,
  database: string,
): Promise<Contender> {
  const start = (role: string) => startPeer(system, peer, role, { database, equipment });
  const ranking = await start('ranking');
  const movies = await start('movies');
  const entrance = await start('gateway');
  return {
    name,
    url: entrance.url,
    processes: [entrance.process, movies.process, ranking.process, system.broker],
    request,
  };
}
