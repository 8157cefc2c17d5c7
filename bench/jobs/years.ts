/**
 * A system that has run for years: up to `--votes` votes over a tenth as many movies, distributed by Zipf's law. The
 * stream is filled with the messages that likes would have left; everything else is the system as it ships.
 */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { SnapshotBucket } from '../../shared/broker/snapshot-bucket.ts';
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
  /** Seconds from the start of the process until ready, by replay and from a snapshot. */
  replaySeconds: number;
  snapshotSeconds: number;
  /** Seconds for making a snapshot after the replay, and for archiving. */
  makingSeconds: number;
  archiveSeconds: number;
  mb: {
    view: number;
    stream: number;
    snapshot: number;
    archive: number;
    ranking: number;
    rankingPeak: number;
    broker: number;
    brokerArchived: number;
  };
  /** Likes and rankings with these votes, and likes with the same movies without votes. */
  loads: [LoadResult, LoadResult, LoadResult];
}

export const years: Job = {
  name: 'years',
  title: 'Years: what many votes cost',
  async run(context) {
    const sizes = [1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000].filter((size) => size < context.votes);
    const aged: Aged[] = [];
    for (const votes of [...(context.largest ? [] : sizes), context.votes]) aged.push(await age(context, votes));
    return report(aged);
  },
};

async function age(context: Context, votes: number): Promise<Aged> {
  const movies = Math.min(context.most, Math.max(1000, votes / 10));
  // The default sync, because the disk's time does not grow with the votes, but filling the streams would wait for it.
  const names = [`fresh-${votes}`, `old-${votes}`] as const;
  const filledAt = performance.now();
  {
    await using system = await startSystem(context, names[0], 'default');
    await fillMovies(system, movies);
    context.say(`  ${movies} movies written in ${round((performance.now() - filledAt) / 1000)} s`);
    system.broker.child.kill('SIGTERM');
    await system.broker.ended;
  }
  cpSync(join(context.folder, names[0]), join(context.folder, names[1]), { recursive: true });
  await using fresh = await startSystem(context, names[0], 'default');
  await using old = await startSystem(context, names[1], 'default');
  await fillVotes(old, votes, movies, { perMessage, years: 3 });
  context.say(`  ${votes} votes over them behind ${round((performance.now() - filledAt) / 1000)} s`);
  const stream = streamMb(old, 'VOTES');
  // The replay of all messages triggers one snapshot; the measured likes are too few to trigger another.
  const every = { SNAPSHOT_EVERY: String(Math.ceil(votes / perMessage)) };
  const replayed = await startRanking(old, 'replayed', every);
  const view = folderMb(join(old.folder, 'replayed'));
  context.say(`  ready by replay in ${round(replayed.seconds)} s`);
  const madeAt = performance.now();
  const snapshot = (await snapshotOf(old)) / 2 ** 20;
  const makingSeconds = (performance.now() - madeAt) / 1000;
  const second = await startRanking(old, 'second', every);
  await second.process.prints(/the view begins with a snapshot/, 1000);
  await second.process[Symbol.asyncDispose]();
  context.say(`  ready from a snapshot in ${round(second.seconds)} s`);
  const empty = await startRanking(fresh, 'empty', every);
  const loads = await measure(context, movies, [replayed, empty], [old, fresh]);
  const { now: ranking, peak: rankingPeak } = memoryMb(replayed.process.pid);
  const broker = memoryMb(old.broker.pid).now;
  const archivedAt = performance.now();
  const run = old.program('archive', [join(context.dist, 'streams/archive-cli.js')], { VOTES_KEEP: '0s' });
  await run.ended;
  if (run.child.exitCode !== 0) throw new Error(`the archive failed:\n${run.output}`);
  const archiveSeconds = (performance.now() - archivedAt) / 1000;
  context.say(`  archived in ${round(archiveSeconds)} s`);
  const archive = streamMb(old, 'ARCHIVE');
  const brokerArchived = memoryMb(old.broker.pid).now;
  return {
    votes,
    movies,
    replaySeconds: replayed.seconds,
    snapshotSeconds: second.seconds,
    makingSeconds,
    archiveSeconds,
    mb: { view, stream, snapshot, archive, ranking, rankingPeak, broker, brokerArchived },
    loads,
  };
}

const streamMb = (system: BenchSystem, stream: string): number =>
  folderMb(join(system.folder, 'nats/jetstream/$G/streams', stream));

/** Waits for a snapshot of the view, and returns its size in bytes. */
async function snapshotOf(system: BenchSystem): Promise<number> {
  await using connection = system.connect();
  await connection.first;
  const bucket = new SnapshotBucket('ranking', connection);
  for (;;) {
    const [snapshot] = (await bucket.list()) ?? [];
    if (snapshot) return snapshot.bytes;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

interface Started {
  process: Measured;
  url: string;
  seconds: number;
}

/** Starts a replica of ranking without a file, and measures the time until it is ready. */
async function startRanking(system: BenchSystem, folder: string, env: Record<string, string>): Promise<Started> {
  const startedAt = performance.now();
  const { process, urls } = await system.listen(['ranking'], { dataDir: join(system.folder, folder), env });
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
  // Draws movies like the votes: the sum of Zipf's weights is close to an integral that can be inverted.
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
      atMost(`ready from a snapshot ${at}`, 30, largest.snapshotSeconds, 's'),
      atMost(`p99 of likes ${at}, beside the same movies without votes`, 2, like.p99Ms / empty.p99Ms, '×'),
      atMost(`memory of ranking ${at}, at its peak`, 300, largest.mb.rankingPeak, 'MB'),
    ],
    tables: [
      {
        title: 'A replica without a file: seconds until ready, and MB on disk',
        columns: ['votes', 'movies', 'from a snapshot, s', 'by replay, s', 'making a snapshot, s', 'view', 'snapshot'],
        rows: rows(({ snapshotSeconds, replaySeconds, makingSeconds, mb }) => [
          snapshotSeconds,
          replaySeconds,
          makingSeconds,
          mb.view,
          mb.snapshot,
        ]),
      },
      {
        title: 'Votes on the disk of the broker, as they come and when all are archived',
        columns: ['votes', 'movies', 'MB', 'bytes a vote', 'archived, MB', 'bytes a vote', 'archiving, s'],
        rows: rows(({ votes, archiveSeconds, mb }) => [
          ...[mb.stream, mb.archive].flatMap((size) => [size, (size * 2 ** 20) / votes]),
          archiveSeconds,
        ]),
      },
      {
        title: `Requests a second, and p99 in ms (${connections} connections)`,
        columns: ['votes', 'movies', 'likes', 'p99', 'rankings', 'p99', 'likes without votes', 'p99'],
        rows: rows(({ loads }) => loads.flatMap(({ perSecond, p99Ms }) => [perSecond, p99Ms])),
      },
      {
        title: 'Memory in MB',
        columns: ['votes', 'movies', 'ranking', 'its peak', 'broker', 'broker, votes archived'],
        rows: rows(({ mb }) => [mb.ranking, mb.rankingPeak, mb.broker, mb.brokerArchived]),
      },
    ],
    notes: [
      `The stored votes are simulated and written directly to the stream: ${perMessage} to a message, like votes under load; movies by Zipf's law with exponent 0.9; ten votes for each viewer, 4 % of them taken back; over three years. The broker syncs its files every two minutes.`,
    ],
    plots: [
      {
        kind: 'lines',
        name: 'years-ready',
        title: 'Seconds until a replica without a file is ready, by votes',
        x: 'votes',
        y: 's',
        lines: [
          line('from a snapshot', ({ snapshotSeconds }) => snapshotSeconds),
          line('by replay', ({ replaySeconds }) => replaySeconds),
        ],
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
          line('snapshot', ({ mb }) => mb.snapshot),
          line('votes on disk', ({ mb }) => mb.stream),
          line('votes in the archive', ({ mb }) => mb.archive),
          line('memory of ranking', ({ mb }) => mb.rankingPeak),
          line('memory of the broker', ({ mb }) => mb.broker),
        ],
      },
    ],
  };
}
