/** Web pages of the gateway at a fixed rate of 50 a second, with all services in one process. */
import { Agent, get } from 'node:http';
import { seedMovies, startSystem } from '../lib/catalogue.ts';
import { atMost, type Context, type Job } from '../lib/job.ts';
import { cpuSeconds, type Measured } from '../lib/process.ts';
import { median, quantile, round } from '../lib/stats.ts';

const perSecond = 50;
const opened = [
  { name: 'home', path: '/' },
  { name: "a movie's page", path: '/film/3' },
  { name: 'search', path: '/browse?q=night' },
];

export const pages: Job = {
  name: 'pages',
  title: `Pages of the gateway, ${perSecond} a second, all services in one process`,
  async run(context) {
    await using system = await startSystem(context, 'pages');
    const all = await system.services([]);
    await seedMovies(system, context);
    const url = all.urls.gateway as string;
    await like(url);
    const rows: Row[] = [];
    for (const { path } of opened) await measure(url + path, Math.min(context.seconds, 2));
    for (const page of opened) rows.push(await measured(all.process, url, page, context));
    return {
      tables: [
        {
          title: '1,000 movies, some with likes, nobody signed in',
          columns: ['', 'p50 ms', 'p95 ms', 'p99 ms', 'bytes, gzipped', 'CPU ms a page'],
          rows: rows.map(({ name, p50, p95, p99, bytes, cpu }) => [
            name,
            ...[p50, p95, p99].map(round),
            bytes,
            round(cpu),
          ]),
        },
      ],
      targets: rows
        .slice(0, 2)
        .map(({ name, p95 }) => atMost(`p95 of ${name} at ${perSecond} a second`, 15, p95, 'ms')),
      plots: [],
    };
  },
};

interface Row {
  name: string;
  p50: number;
  p95: number;
  p99: number;
  bytes: number;
  /** Processor time of the process for a page, in milliseconds. */
  cpu: number;
}

async function measured(
  program: Measured,
  url: string,
  { name, path }: { name: string; path: string },
  { rounds, seconds, say }: Context,
): Promise<Row> {
  const all: { times: number[]; bytes: number; cpu: number }[] = [];
  for (let i = 0; i < rounds; i++) {
    const before = cpuSeconds(program.pid);
    const visits = await measure(url + path, seconds);
    all.push({ ...visits, cpu: ((cpuSeconds(program.pid) - before) * 1000) / visits.times.length });
  }
  const of = (q: number): number => median(all.map(({ times }) => quantile(times, q)));
  const row = {
    name,
    p50: of(0.5),
    p95: of(0.95),
    p99: of(0.99),
    bytes: all[0]?.bytes ?? 0,
    cpu: median(all.map(({ cpu }) => cpu)),
  };
  say(`  ${name}: p95 ${round(row.p95)} ms`);
  return row;
}

/** Requests a page at a fixed rate, without waiting for earlier responses. Times are in milliseconds. */
async function measure(url: string, seconds: number): Promise<{ times: number[]; bytes: number }> {
  const agent = new Agent({ keepAlive: true });
  const startedAt = performance.now();
  const visits: Promise<{ ms: number; bytes: number }>[] = [];
  for (let n = 0; n < seconds * perSecond; n++) {
    const wait = startedAt + (n * 1000) / perSecond - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    visits.push(visit(url, agent));
  }
  const done = await Promise.all(visits).finally(() => agent.destroy());
  return { times: done.map(({ ms }) => ms), bytes: done[0]?.bytes ?? 0 };
}

function visit(url: string, agent: Agent): Promise<{ ms: number; bytes: number }> {
  const headers = { accept: 'text/html', 'accept-encoding': 'gzip' };
  const sentAt = performance.now();
  return new Promise((resolve, reject) => {
    get(url, { agent, headers }, (response) => {
      let bytes = 0;
      response.on('data', (part: Buffer) => {
        bytes += part.length;
      });
      response.on('end', () => {
        if (response.statusCode === 200) resolve({ ms: performance.now() - sentAt, bytes });
        else reject(new Error(`${url}: ${response.statusCode}`));
      });
    }).on('error', reject);
  });
}

/** Likes a dozen films, so that the trending list is not empty. */
async function like(url: string): Promise<void> {
  for (let movieId = 1; movieId <= 12; movieId++) {
    const response = await fetch(`${url}/votes/${movieId}/like`, { method: 'POST', headers: { 'x-user-id': 'bench' } });
    if (!response.ok) throw new Error(`a like: ${response.status} ${await response.text()}`);
  }
}
