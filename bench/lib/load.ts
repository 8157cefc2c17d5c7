/** Load from a process of its own: wrk, where requests follow each other. */
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
  /** Processes whose processor time its requests use. */
  processes: Measured[];
  /** Body of a Lua function that gives the next request; `n` counts them, `random(a, b)` draws. */
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
  /** How far the rounds were apart. */
  spread: number;
  p50Ms: number;
  p99Ms: number;
  /** Microseconds of processor time for a request, by process. */
  cpu: Record<string, number>;
}

interface Round {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  cpu: Record<string, number>;
}

/** Measures contenders in turn, `rounds` times, after warming each up. Medians of the rounds. */
export async function compare(contenders: Contender[], options: LoadOptions): Promise<LoadResult[]> {
  const rounds = new Map(contenders.map(({ name }) => [name, [] as Round[]]));
  for (const contender of contenders) await oneRound(contender, { ...options, seconds: Math.min(options.seconds, 2) });
  for (let round = 0; round < options.rounds; round++) {
    // Every other round the other way around: whoever comes behind a hot machine is not always the same.
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

/** Rounds so far. Each draws other numbers: with those of the round before, all its likes would be given already. */
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
  if (!requests || /Non-2xx|Socket errors/.test(stdout)) throw new Error(`${contender.name}: wrk says\n${stdout}`);
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

/** A GET of a path with a random movie id in it: `{id}` of 1 … `movies`. */
export function getRandom(path: string, movies: number): string {
  const lua = JSON.stringify(path).replace('{id}', `" .. random(1, ${movies}) .. "`);
  return `return wrk.format("GET", ${lua})`;
}
