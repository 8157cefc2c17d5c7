/**
 * Requests at a fixed rate, whatever the answers do: each is timed from when it should have been sent, so that a stall
 * counts for all that came behind it. For each line `{"url", "rate", "seconds", "connections", "movies"}` on standard
 * input a line with percentiles; `{id}` in the URL is a random movie.
 */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import { quantile } from '../lib/stats.ts';
import type { Beats } from './metronome.ts';

interface Order {
  url: string;
  rate: number;
  seconds: number;
  connections: number;
  movies: number;
}

/** One kept-alive connection with at most one request on its way. */
class Line {
  readonly #socket: Socket;
  readonly #host: string;
  #sent: number | undefined;
  #rest = '';
  readonly #done: (intended: number) => void;

  constructor(url: URL, done: (intended: number) => void) {
    this.#host = url.host;
    this.#done = done;
    this.#socket = connect(Number(url.port), url.hostname).setNoDelay(true).setEncoding('latin1');
    this.#socket.on('data', (text: string) => this.#receive(text));
  }

  get free(): boolean {
    return this.#sent === undefined;
  }

  send(path: string, intended: number): void {
    this.#sent = intended;
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n\r\n`);
  }

  end(): void {
    this.#socket.destroy();
  }

  #receive(text: string): void {
    this.#rest += text;
    const head = this.#rest.indexOf('\r\n\r\n');
    if (head < 0) return;
    const length = Number(/content-length: (\d+)/i.exec(this.#rest)?.[1]);
    if (!this.#rest.startsWith('HTTP/1.1 200')) throw new Error(this.#rest.slice(0, 200));
    if (this.#rest.length < head + 4 + length) return;
    this.#rest = '';
    const intended = this.#sent as number;
    this.#sent = undefined;
    this.#done(intended);
  }
}

async function run({ url, rate, seconds, connections, movies }: Order): Promise<object> {
  const times: number[] = [];
  const target = new URL(url.replace('{id}', '1'));
  const waiting: number[] = [];
  const path = (): string =>
    decodeURI(new URL(url).pathname).replace('{id}', String(1 + Math.floor(Math.random() * movies)));
  const lines: Line[] = [];
  let finished = (): unknown => undefined;
  const pump = (): void => {
    for (const line of lines) {
      if (waiting.length === 0) return;
      if (line.free) line.send(path(), waiting.shift() as number);
    }
  };
  for (let i = 0; i < connections; i++) {
    lines.push(
      new Line(target, (intended) => {
        times.push(performance.now() - intended);
        pump();
        finished();
      }),
    );
  }
  const total = rate * seconds;
  const done = Promise.withResolvers<void>();
  // A moment ahead, so that the first is not late.
  const startAt = performance.now() + 50;
  let sent = 0;
  const beat = (due: number): void => {
    while (sent < due) waiting.push(startAt + (sent++ * 1000) / rate);
    pump();
  };
  finished = () => times.length === total && done.resolve();
  metronome.on('message', beat);
  metronome.postMessage({ startAt: performance.timeOrigin + startAt, rate, total } satisfies Beats);
  await done.promise;
  metronome.off('message', beat);
  for (const line of lines) line.end();
  return { p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99), p999Ms: quantile(times, 0.999) };
}

const metronome = new Worker(new URL('./metronome.ts', import.meta.url));
metronome.unref();
console.log('listening');
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await run(JSON.parse(line) as Order)));
}
