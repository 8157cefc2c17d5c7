/** The view worker, as the rest of the process sees it: there while some view is open, and started again when lost. */
import { Worker } from 'node:worker_threads';
import type { Addressed, FromWorker, OpenView, ToWorker } from './messages.ts';

/** Whoever answers from a view. */
export interface ViewClient {
  hear(message: FromWorker): void;
  /** The thread is no more: nothing comes of what it was told. Another is started with the next view that is opened. */
  lost(reason: string): void;
}

/** Right from the folder of the sources and from each folder of the bundle. */
const script = new URL(`../views/view-worker${import.meta.url.slice(-3)}`, import.meta.url);
/** V8 gives a thread less room for young objects than a process: as much saves a rebuild a twentieth of its time. */
const resourceLimits = { maxYoungGenerationSizeMb: 48 };
/** Who closes a view may open another in a moment. */
const idleMs = 5000;

let thread: Worker | undefined;
let idle: NodeJS.Timeout | undefined;
let lastId = 0;
const clients = new Map<number, ViewClient>();

/** A view that the worker keeps. */
export class ViewWorkerClient {
  readonly #id = ++lastId;
  readonly #thread: Worker;

  /** Has it opened. `client` hears of it from the next turn of the event loop on. */
  constructor(view: OpenView, client: ViewClient) {
    clearTimeout(idle);
    thread ??= start();
    this.#thread = thread;
    thread.ref();
    clients.set(this.#id, client);
    this.tell({ kind: 'open', view });
  }

  tell(message: ToWorker): void {
    if (clients.has(this.#id)) this.#thread.postMessage({ ...message, id: this.#id } satisfies Addressed<ToWorker>);
  }

  /** It has been closed: nothing comes from it any more. */
  ended(): void {
    clients.delete(this.#id);
    if (clients.size > 0 || this.#thread !== thread) return;
    // A process that has nothing else to do may end.
    thread.unref();
    idle = setTimeout(stop, idleMs).unref();
  }
}

function start(): Worker {
  const started = new Worker(script, { name: 'views', resourceLimits });
  started.on('message', (message: Addressed<FromWorker>) => clients.get(message.id)?.hear(message));
  let reason = 'the thread ended';
  started.once('error', (error) => {
    reason = error.message;
  });
  // Only now: while the thread closes its files, those who read them must not close theirs. SQLite would take the thread's
  // for the last, and write to the file behind the back of its mark.
  started.once('exit', () => lose(started, reason));
  return started;
}

function stop(): void {
  void thread?.terminate();
  thread = undefined;
}

function lose(lost: Worker, reason: string): void {
  if (thread !== lost) return;
  thread = undefined;
  const all = [...clients.values()];
  clients.clear();
  for (const client of all) client.lost(reason);
}
