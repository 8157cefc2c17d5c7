/**
 * Checkpoints of views on a thread of their own, so that copying thousands of pages of a log into its file holds up no
 * request. All views of a process share the thread; it is there only while there is something for it to do.
 */
import { Worker } from 'node:worker_threads';

/** Where a checkpoint stands, in the first element of `progress`, which both threads see at once. */
export const state = { due: 0, running: 1, over: 2 } as const;

export interface CheckpointJob {
  id: number;
  file: string;
  progress: Int32Array<SharedArrayBuffer>;
}

export interface CheckpointDone {
  id: number;
  failure?: string;
}

/** A checkpoint that was given to the thread. */
export interface ThreadCheckpoint {
  /** Rejects when it could not: the log still has everything. Pending for ever when it was given up. */
  done: Promise<void>;
  /** Sees to it that the thread has the file open no longer, nor will: until then nobody may remove it. Waits. */
  giveUp(): void;
}

/** Right from the folder of the sources and from each folder of the bundle. */
const script = new URL(`../shared/checkpoint-thread${import.meta.url.slice(-3)}`, import.meta.url);
const idleMs = 10_000;
/** Far longer than copying takes. A thread that died has nothing open. */
const waitAtMostMs = 5000;

let thread: Worker | undefined;
let idle: NodeJS.Timeout | undefined;
let lastId = 0;
const waiting = new Map<number, PromiseWithResolvers<void>>();

/** Copies most of the log of a database into its file, while its writer goes on. */
export function checkpointOnThread(file: string): ThreadCheckpoint {
  clearTimeout(idle);
  thread ??= start();
  const progress = new Int32Array(new SharedArrayBuffer(4));
  const job: CheckpointJob = { id: ++lastId, file, progress };
  const result = Promise.withResolvers<void>();
  waiting.set(job.id, result);
  thread.postMessage(job);
  return {
    done: result.promise,
    giveUp() {
      waiting.delete(job.id);
      const was = Atomics.compareExchange(progress, 0, state.due, state.over);
      if (was === state.running) Atomics.wait(progress, 0, state.running, waitAtMostMs);
    },
  };
}

function start(): Worker {
  const started = new Worker(script);
  started.on('message', ({ id, failure }: CheckpointDone) => {
    settle(id, failure);
    if (waiting.size === 0) idle = setTimeout(stop, idleMs).unref();
  });
  started.once('error', (error) => lose(started, error.message));
  started.once('exit', () => lose(started, 'the thread ended'));
  // A process that has nothing else to do may end: what the log holds is as safe there. Listening undoes it: it is last.
  started.unref();
  return started;
}

function stop(): void {
  void thread?.terminate();
  thread = undefined;
}

function settle(id: number, failure: string | undefined): void {
  const result = waiting.get(id);
  waiting.delete(id);
  if (failure === undefined) result?.resolve();
  else result?.reject(new Error(failure));
}

function lose(lost: Worker, reason: string): void {
  if (thread !== lost) return;
  thread = undefined;
  for (const id of waiting.keys()) settle(id, reason);
}
