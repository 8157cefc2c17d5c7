/** Checkpoints that do not hold up whoever writes: a thread of their own makes them, which is there while it has work. */
import { Worker } from 'node:worker_threads';
import type { Wanted } from './checkpoint-thread.ts';

/** Right from the folder of the sources and from each folder of the bundle. */
const script = new URL(`../views/checkpoint-thread${import.meta.url.slice(-3)}`, import.meta.url);
/** The next one may come in a moment. */
const idleMs = 5000;
/** A disk that hangs for longer is not waited for. */
const mostMs = 10_000;

let thread: Worker | undefined;
let idle: NodeJS.Timeout | undefined;
const underWay = new Set<Checkpoint>();

/** A checkpoint under way. */
export class Checkpoint {
  readonly #ended = new Int32Array(new SharedArrayBuffer(4));

  /** Begins that of a file which the caller has open, and keeps open until it has ended. */
  constructor(file: string) {
    clearTimeout(idle);
    thread ??= start();
    idle = setTimeout(stop, idleMs).unref();
    for (const one of underWay) if (one.ended) underWay.delete(one);
    underWay.add(this);
    thread.postMessage({ file, ended: this.#ended } satisfies Wanted);
  }

  get ended(): boolean {
    return Atomics.load(this.#ended, 0) === 1;
  }

  /** Holds up the thread that calls it until it has ended. */
  wait(): void {
    Atomics.wait(this.#ended, 0, 0, mostMs);
  }

  /** Nobody is at it any more. */
  end(): void {
    Atomics.store(this.#ended, 0, 1);
  }
}

function start(): Worker {
  const started = new Worker(script, { name: 'checkpoints' });
  started.unref();
  started.on('error', () => lose(started));
  started.on('exit', () => lose(started));
  return started;
}

/** Whatever it was at is tried again by those who wrote the log, when it has grown. */
function lose(lost: Worker): void {
  if (thread !== lost) return;
  thread = undefined;
  for (const one of underWay) one.end();
  underWay.clear();
}

function stop(): void {
  for (const one of underWay) {
    if (one.ended) continue;
    idle = setTimeout(stop, idleMs).unref();
    return;
  }
  void thread?.terminate();
  thread = undefined;
}
