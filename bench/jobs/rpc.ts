/** Request-reply between two services: a movie's details, 64 requests in flight, decoded by the caller. */
import { join } from 'node:path';
import { httpMovies, seedMovies, startSystem } from '../lib/catalogue.ts';
import { atLeast, type Context, type Job } from '../lib/job.ts';
import type { LoadResult } from '../lib/load.ts';
import { installPeers, peerDatabase, startPeer } from '../lib/peers.ts';
import { cpuSeconds, type Measured } from '../lib/process.ts';
import { median, spread } from '../lib/stats.ts';
import { loadTable, resultOf } from '../lib/tables.ts';

const inFlight = 64;

interface Side {
  name: string;
  client: Measured;
  processes: Measured[];
}

interface Round {
  requests: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
}

export const rpc: Job = {
  name: 'rpc',
  title: 'Request-reply between services',
  async run(context) {
    installPeers(context.say);
    await using system = await startSystem(context, 'rpc');
    const movies = await system.services(['movies']);
    await seedMovies(system, context);
    const database = peerDatabase(system.folder, httpMovies);
    const client = system.program('client', [join(import.meta.dirname, '../servers/marquee-client.ts')]);
    await client.prints(/listening/);
    const sides: Side[] = [{ name: 'Marquee', client, processes: [movies.process] }];
    for (const peer of ['nest', 'moleculer'] as const) {
      const service = await startPeer(system, peer, 'movies', { database });
      const asking = await startPeer(system, peer, 'client', { database });
      const name = peer === 'nest' ? 'NestJS' : 'Moleculer';
      sides.push({ name, client: asking.process, processes: [service.process] });
    }
    for (const side of sides) side.processes.push(side.client, system.broker);
    const results = await measure(sides, context);
    const ratioTo = (name: string): number =>
      resultOf(results, 'Marquee').perSecond / resultOf(results, name).perSecond;
    return {
      tables: [loadTable(`A movie's details, ${inFlight} in flight`, results)],
      targets: [
        atLeast('request-reply between services', 3, ratioTo('NestJS'), 'NestJS'),
        atLeast('request-reply between services', 2, ratioTo('Moleculer'), 'Moleculer'),
      ],
      plots: [
        {
          kind: 'bars',
          name: 'rpc',
          title: `Request-reply between services, ${inFlight} in flight`,
          unit: 'requests/s',
          bars: results.map(({ name, perSecond }) => ({ label: name, value: perSecond })),
        },
      ],
    };
  },
};

async function measure(sides: Side[], { rounds, seconds, say }: Context): Promise<LoadResult[]> {
  const measured = new Map(sides.map((side) => [side, [] as (Round & { cpu: number[] })[]]));
  const order = JSON.stringify({ seconds, inFlight, movies: httpMovies });
  for (const { client } of sides) await client.ask(JSON.stringify({ seconds: 1, inFlight, movies: httpMovies }));
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const before = side.processes.map(({ pid }) => cpuSeconds(pid));
      const result = await side.client.ask<Round>(order);
      const cpu = side.processes.map(
        ({ pid }, i) => ((cpuSeconds(pid) - (before[i] as number)) * 1e6) / result.requests,
      );
      measured.get(side)?.push({ ...result, cpu });
      say(`  ${side.name}: ${Math.round(result.requests / result.seconds)}/s`);
    }
  }
  return sides.map((side) => {
    const all = measured.get(side) ?? [];
    const rates = all.map((result) => result.requests / result.seconds);
    return {
      name: side.name,
      perSecond: median(rates),
      spread: spread(rates),
      p50Ms: median(all.map((result) => result.p50Ms)),
      p99Ms: median(all.map((result) => result.p99Ms)),
      cpu: Object.fromEntries(side.processes.map(({ name }, i) => [name, median(all.map(({ cpu }) => cpu[i] ?? 0))])),
    };
  });
}
