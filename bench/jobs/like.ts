/** POST like, answered when durable and visible in the view, against the same POST that publishes nothing. */
import { join } from 'node:path';
import { httpMovies, seedMovies, startSystem } from '../lib/catalogue.ts';
import { atLeast, atMost, type Context, type Job, type Outcome } from '../lib/job.ts';
import { type Contender, compare, type LoadResult } from '../lib/load.ts';
import { Measured } from '../lib/process.ts';
import { median, round } from '../lib/stats.ts';
import type { BenchSystem } from '../lib/system.ts';
import { loadTable, resultOf } from '../lib/tables.ts';

const connections = 256;
const request = [
  'local body = string.format(\'{"voterId":"viewer-%d"}\', random(1, 1000000))',
  `return wrk.format("POST", "/votes/" .. random(1, ${httpMovies}) .. "/like", {["content-type"] = "application/json"}, body)`,
].join('\n  ');

export const like: Job = {
  name: 'like',
  title: 'POST /votes/:movieId/like',
  async run(context) {
    const outcome: Outcome = { tables: [], targets: [], plots: [] };
    const nothing = new Measured({
      name: 'publishes nothing',
      command: process.execPath,
      args: [join(import.meta.dirname, '../servers/post-nothing.ts')],
    });
    await using _ = nothing;
    const [, url] = await nothing.prints(/listening on (\S+)/);
    const ceiling: Contender = { name: 'publishes nothing', url: url as string, processes: [nothing], request };
    await using always = await startSystem(context, 'like-always');
    const contender = await likes(always, context, 'Marquee, sync_interval: always');
    await using lazy = await startSystem(context, 'like-default', 'default');
    const relaxed = await likes(lazy, context, 'Marquee, default sync');

    const results = await compare([ceiling, contender, relaxed], { connections, ...context });
    const marquee = resultOf(results, contender.name);
    outcome.tables.push(loadTable(`${connections} in flight`, results));
    outcome.targets.push(
      atLeast(
        'POST like',
        0.5,
        marquee.perSecond / resultOf(results, ceiling.name).perSecond,
        'the POST that publishes nothing',
      ),
      atMost(`p99 of POST like, ${connections} in flight`, 60, marquee.p99Ms, 'ms'),
    );
    await lone(always, contender, context, outcome);
    outcome.plots.push({
      kind: 'bars',
      name: 'like',
      title: `POST like, ${connections} in flight`,
      unit: 'likes/s',
      bars: results.map(({ name, perSecond }) => ({ label: name, value: perSecond })),
    });
    return outcome;
  },
};

async function likes(system: BenchSystem, context: Context, name: string): Promise<Contender> {
  const movies = await system.services(['movies']);
  const ranking = await system.services(['ranking']);
  await seedMovies(system, context);
  void movies;
  return { name, url: ranking.urls.ranking as string, processes: [ranking.process, system.broker], request };
}

/** Measures single likes and single raw publishes, sequentially and in alternating rounds. */
async function lone(system: BenchSystem, contender: Contender, context: Context, outcome: Outcome): Promise<void> {
  const publisher = system.program('raw publish', [join(import.meta.dirname, '../servers/raw-publish.ts')]);
  await publisher.prints(/listening/);
  const raw: number[] = [];
  const own: LoadResult[] = [];
  for (let i = 0; i < context.rounds; i++) {
    raw.push((await publisher.ask<{ p50Ms: number }>(String(context.seconds))).p50Ms);
    own.push(...(await compare([contender], { ...context, connections: 1, rounds: 1 })));
  }
  const likeMs = median(own.map(({ p50Ms }) => p50Ms));
  const rawMs = median(raw);
  outcome.tables.push({
    title: 'A lone like: medians of one after another',
    columns: ['', 'p50 ms'],
    rows: [
      ['raw publish, acknowledged when on disk', round(rawMs)],
      ['POST like, durable and visible', round(likeMs)],
    ],
  });
  outcome.targets.push(
    atMost('a lone like (2 × a raw lone publish + 2 ms)', Number((2 * rawMs + 2).toFixed(2)), likeMs, 'ms'),
  );
}
