/**
 * Requests at a fixed rate, whatever the answers do: each is timed from when it should have been sent, so that a stall
 * counts for all that came behind it. For each line `{"url", "rate", "seconds", "connections", "movies"}` on standard
 * input a line with percentiles; `{id}` in the URL is a random movie.
 */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { quantile } from '../lib/stats.ts';

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
      }),
    );
  }
  const startedAt = performance.now();
  const total = rate * seconds;
  let due = 0;
  await new Promise<void>((resolve) => {
    const tick = (): void => {
      const now = performance.now();
      while (due < total && startedAt + (due * 1000) / rate <= now) waiting.push(startedAt + (due++ * 1000) / rate);
      pump();
      if (times.length === total) resolve();
      else setImmediate(tick);
    };
    tick();
  });
  for (const line of lines) line.end();
  return { p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99), p999Ms: quantile(times, 0.999) };
}

console.log('listening');
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await run(JSON.parse(line) as Order)));
}
