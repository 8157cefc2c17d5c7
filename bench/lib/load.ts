/** Closed-loop load by wrk, in a process of its own. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cpuSeconds, type Measured } from './process.ts';
import { median, spread } from './stats.ts';

const run = promisify(execFile);

export interface Contender {
  name: string;
  url: string;
  /** Processes whose processor time is measured. */
  processes: Measured[];
  /** Body of a Lua function that returns the next request; `n` is its number, `random(a, b)` a random number. */
  request: string;
}

export interface LoadOptions {
  connections: number;
  seconds: number;
  rounds: number;
  folder: string;
  say(line: string): void;
}

export interface LoadResult {
  name: string;
  perSecond: number;
  /** Spread of the rounds. */
  spread: number;
  p50Ms: number;
  p99Ms: number;
  /** Processor time of a request in microseconds, by process. */
  cpu: Record<string, number>;
}

interface Round {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  cpu: Record<string, number>;
}

/** Warms up each contender, then measures them in alternation, and returns the medians of the rounds. */
export async function compare(contenders: Contender[], options: LoadOptions): Promise<LoadResult[]> {
  const rounds = new Map(contenders.map(({ name }) => [name, [] as Round[]]));
  for (const contender of contenders) await oneRound(contender, { ...options, seconds: Math.min(options.seconds, 2) });
  for (let round = 0; round < options.rounds; round++) {
    // Reverse the order in every other round, so that not always the same contender follows on a hot machine.
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
      const result = await oneRound(contender, options);
      rounds.get(contender.name)?.push(result);
      options.say(`  ${contender.name}: ${Math.round(result.perSecond)}/s, p99 ${result.p99Ms} ms`);
    }
  }
  return contenders.map(({ name, processes }) => summarize(name, processes, rounds.get(name) ?? []));
}

function summarize(name: string, processes: Measured[], rounds: Round[]): LoadResult {
  return {
    name,
    perSecond: median(rounds.map((round) => round.perSecond)),
    spread: spread(rounds.map((round) => round.perSecond)),
    p50Ms: median(rounds.map((round) => round.p50Ms)),
    p99Ms: median(rounds.map((round) => round.p99Ms)),
    cpu: Object.fromEntries(processes.map((p) => [p.name, median(rounds.map((round) => round.cpu[p.name] ?? 0))])),
  };
}

/** Number of rounds so far, which seeds the random numbers: repeated numbers would repeat the likes of a round. */
let drawn = 0;

async function oneRound(contender: Contender, { connections, seconds, folder }: LoadOptions): Promise<Round> {
  const script = join(folder, 'request.lua');
  writeFileSync(
    script,
    `math.randomseed(${++drawn})\nlocal n = 0\nlocal random = math.random\nrequest = function()\n  n = n + 1\n  ${contender.request}\nend\n`,
  );
  const before = contender.processes.map(({ pid }) => cpuSeconds(pid));
  const { stdout } = await run('wrk', [
    ...['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--latency', '--timeout', '30s'],
    ...['-s', script, contender.url],
  ]);
  const after = contender.processes.map(({ pid }) => cpuSeconds(pid));
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  if (!requests || /Non-2xx|Socket errors/.test(stdout)) throw new Error(`${contender.name}: wrk failed:\n${stdout}`);
  const cpu: Record<string, number> = {};
  contender.processes.forEach(({ name }, index) => {
    cpu[name] = (((after[index] as number) - (before[index] as number)) * 1e6) / requests;
  });
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    p50Ms: milliseconds(/^\s+50%\s+(\S+)/m.exec(stdout)?.[1]),
    p99Ms: milliseconds(/^\s+99%\s+(\S+)/m.exec(stdout)?.[1]),
    cpu,
  };
}

function milliseconds(text = ''): number {
  const [, value, unit] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? [];
  return Number(value) * ({ us: 0.001, ms: 1, s: 1000, m: 60_000 }[unit ?? ''] ?? Number.NaN);
}

/** Returns the Lua code for a GET of a path whose `{id}` is a random movie id from 1 to `movies`. */
export function getRandom(path: string, movies: number): string {
  const lua = JSON.stringify(path).replace('{id}', `" .. random(1, ${movies}) .. "`);
  return `return wrk.format("GET", ${lua})`;
}
