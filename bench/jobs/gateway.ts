/** The same movie through the gateway, against NestJS and Moleculer at the same work. */
import { httpMovies, seedMovies, startSystem } from '../lib/catalogue.ts';
import { atLeast, type Job, type Outcome } from '../lib/job.ts';
import { type Contender, compare, getRandom, type LoadResult } from '../lib/load.ts';
import { installPeers, type Peer, peerDatabase, startPeer } from '../lib/peers.ts';
import type { BenchSystem } from '../lib/system.ts';
import { loadTable, resultOf } from '../lib/tables.ts';

/** Few and many requests in flight: with few, everybody waits for each other's packs; with many, one process is busy. */
const loads = [64, 256];
const request = getRandom('/movies/{id}', httpMovies);
const peers: Record<Peer, string> = { nest: 'NestJS, Fastify, NATS', moleculer: 'Moleculer, moleculer-web, NATS' };

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
    for (const peer of ['nest', 'moleculer'] as const) contenders.push(await peerContender(system, peer, database));
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
  outcome.targets.push(
    ...Object.values(peers).map((name) => atLeast(job, 3, of(name), name)),
    atLeast(job, 0.6, of('Marquee, service directly'), 'the service asked directly'),
  );
  outcome.plots.push({
    kind: 'bars',
    name: `gateway-${connections}`,
    title: `A movie with its likes through the gateway, ${connections} connections`,
    unit: 'requests/s',
    bars: results.map(({ name, perSecond }) => ({ label: name, value: perSecond })),
  });
}

async function peerContender(system: BenchSystem, peer: Peer, database: string): Promise<Contender> {
  const ranking = await startPeer(system, peer, 'ranking', database);
  const movies = await startPeer(system, peer, 'movies', database);
  const entrance = await startPeer(system, peer, 'gateway', database);
  return {
    name: peers[peer],
    url: entrance.url,
    processes: [entrance.process, movies.process, ranking.process, system.broker],
    request,
  };
}
