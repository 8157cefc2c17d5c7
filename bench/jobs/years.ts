/**
 * A system that has run for years: votes up to `--votes`, by a law of popularity, over a tenth as many movies. The stream is
 * filled with what likes would have left in it; everything else is the system as it ships.
 */
import { join } from 'node:path';
import { startSystem } from '../lib/catalogue.ts';
import { fillMovies, fillVotes } from '../lib/fill.ts';
import { atMost, type Context, type Job, type LinePlot, type Outcome } from '../lib/job.ts';
import { type Contender, compare, type LoadResult } from '../lib/load.ts';
import { folderMb, type Measured, memoryMb } from '../lib/process.ts';
import { round } from '../lib/stats.ts';
import { type BenchSystem, untilReady } from '../lib/system.ts';

const connections = 64;
const perMessage = 200;
const replayMs = 24 * 3_600_000;

interface Aged {
  votes: number;
  movies: number;
  /** Seconds from the start of the process until ready. */
  replaySeconds: number;
  mb: { view: number; stream: number; ranking: number; rankingPeak: number; broker: number };
  /** Likes with these votes, rankings with them, and likes with the same movies and no vote. */
  loads: [LoadResult, LoadResult, LoadResult];
}

export const years: Job = {
  name: 'years',
  title: 'Years: what many votes cost',
  async run(context) {
    const sizes = [1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000].filter((size) => size < context.votes);
    const aged: Aged[] = [];
    for (const votes of [...sizes, context.votes]) aged.push(await age(context, votes));
    return report(aged);
  },
};

async function age(context: Context, votes: number): Promise<Aged> {
  const movies = Math.min(context.most, Math.max(1000, votes / 10));
  // The disk's own time is not what grows, and filling would wait for it.
  await using fresh = await startSystem(context, `fresh-${votes}`, 'default');
  await using old = await startSystem(context, `old-${votes}`, 'default');
  for (const system of [fresh, old]) await fillMovies(system, movies);
  const filledAt = performance.now();
  await fillVotes(old, votes, movies, { perMessage, years: 3 });
  context.say(`  ${votes} votes over ${movies} movies written in ${round((performance.now() - filledAt) / 1000)} s`);
  const stream = folderMb(join(old.folder, 'nats/jetstream/$G/streams/VOTES'));
  const replayed = await startRanking(old, 'replayed');
  const view = folderMb(join(old.folder, 'replayed'));
  context.say(`  ready by replay in ${round(replayed.seconds)} s`);
  const empty = await startRanking(fresh, 'empty');
  const loads = await measure(context, movies, [replayed, empty], [old, fresh]);
  const { now: ranking, peak: rankingPeak } = memoryMb(replayed.process.pid);
  const broker = memoryMb(old.broker.pid).now;
  return { votes, movies, replaySeconds: replayed.seconds, mb: { view, stream, ranking, rankingPeak, broker }, loads };
}

interface Started {
  process: Measured;
  url: string;
  seconds: number;
}

/** A replica of ranking without a file, and how long it takes to be ready. */
async function startRanking(system: BenchSystem, folder: string): Promise<Started> {
  const startedAt = performance.now();
  const { process, urls } = await system.listen(['ranking'], { dataDir: join(system.folder, folder) });
  const url = urls.ranking as string;
  await untilReady(url, replayMs);
  return { process, url, seconds: (performance.now() - startedAt) / 1000 };
}

async function measure(
  context: Context,
  movies: number,
  [replayed, empty]: [Started, Started],
  [old, fresh]: [BenchSystem, BenchSystem],
): Promise<Aged['loads']> {
  // Movies are drawn as in the votes that are there: the sum of Zipf's weights is close to an integral that can be inverted.
  const like = `return wrk.format("POST", "/votes/" .. math.min(${movies}, math.floor(((${movies} ^ 0.1 - 1) * random() + 1) ^ 10)) ..
    "/like", {["content-type"] = "application/json"}, string.format('{"voterId":"viewer-%d"}', random(1, 100000000)))`;
  const page = `return wrk.format("GET", "/ranking/genre/" .. ({"Drama", "Comedy", "Horror", "Western"})[random(1, 4)] ..
    "?by=" .. ({"likes", "trending", "rating"})[random(1, 3)])`;
  const contenders: Contender[] = [
    { name: 'like', url: replayed.url, request: like, processes: [replayed.process, old.broker] },
    { name: 'ranking', url: replayed.url, request: page, processes: [replayed.process] },
    { name: 'like without votes', url: empty.url, request: like, processes: [empty.process, fresh.broker] },
  ];
  return (await compare(contenders, { ...context, connections })) as Aged['loads'];
}

function report(aged: Aged[]): Outcome {
  const largest = aged.at(-1) as Aged;
  const [like, , empty] = largest.loads;
  const count = (n: number): string => n.toLocaleString('en-US');
  const at = `at ${count(largest.votes)} votes`;
  const rows = (row: (one: Aged) => number[]): (string | number)[][] =>
    aged.map((one) => [count(one.votes), count(one.movies), ...row(one).map(round)]);
  const line = (label: string, y: (one: Aged) => number): LinePlot['lines'][number] => ({
    label,
    points: aged.map((one) => [one.votes, y(one)]),
  });
  return {
    targets: [
      atMost(`p99 of likes ${at}, beside the same movies without votes`, 2, like.p99Ms / empty.p99Ms, '×'),
      atMost(`memory of ranking ${at}, at its peak`, 300, largest.mb.rankingPeak, 'MB'),
    ],
    tables: [
      {
        title: 'A replica without a file: seconds until ready, and MB on disk',
        columns: ['votes', 'movies', 'by replay, s', 'votes/s', 'view', 'stream'],
        rows: rows(({ votes, replaySeconds, mb }) => [replaySeconds, votes / replaySeconds, mb.view, mb.stream]),
      },
      {
        title: `Requests a second, and p99 in ms (${connections} connections)`,
        columns: ['votes', 'movies', 'likes', 'p99', 'rankings', 'p99', 'likes without votes', 'p99'],
        rows: rows(({ loads }) => loads.flatMap(({ perSecond, p99Ms }) => [perSecond, p99Ms])),
      },
      {
        title: 'Memory in MB',
        columns: ['votes', 'movies', 'ranking', 'its peak', 'broker'],
        rows: rows(({ mb }) => [mb.ranking, mb.rankingPeak, mb.broker]),
      },
    ],
    notes: [
      `Simulated are the stored votes: ${perMessage} in a message, as likes under load leave them; movies by Zipf's law with exponent 0.9, ten votes of each viewer, 4 % of them taken back, over three years. They are written straight to the stream. The broker's files are synced every two minutes.`,
    ],
    plots: [
      {
        kind: 'lines',
        name: 'years-ready',
        title: 'Seconds until a replica without a file is ready, by votes',
        x: 'votes',
        y: 's',
        lines: [line('by replay', ({ replaySeconds }) => replaySeconds)],
      },
      {
        kind: 'lines',
        name: 'years-p99',
        title: 'p99 by votes',
        x: 'votes',
        y: 'ms',
        lines: ['like', 'ranking', 'like without votes'].map((label, i) =>
          line(label, ({ loads }) => loads[i]?.p99Ms ?? 0),
        ),
      },
      {
        kind: 'lines',
        name: 'years-mb',
        title: 'Disk and memory by votes',
        x: 'votes',
        y: 'MB',
        lines: [
          line('view on disk', ({ mb }) => mb.view),
          line('stream on disk', ({ mb }) => mb.stream),
          line('memory of ranking', ({ mb }) => mb.rankingPeak),
          line('memory of the broker', ({ mb }) => mb.broker),
        ],
      },
    ],
  };
}
