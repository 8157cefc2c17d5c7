/** The view worker, as the rest of the process sees it: started with the first view, and again when lost. */
import { Worker } from 'node:worker_threads';
import type { Logger } from '../process/log.ts';
import { within } from '../process/within.ts';
import { type Addressed, type FromWorker, nothing, type OpenView, type ToWorker } from './messages.ts';

/** Right from the folder of the sources and from each folder of the bundle. */
const script = new URL(`../views/view-worker${import.meta.url.slice(-3)}`, import.meta.url);
const tryAgainMs = 1000;
/** Closing takes no longer, whatever hangs. */
const closeMs = 6000;

let thread: Worker | undefined;
let lastId = 0;
const clients = new Map<number, ViewWorkerClient>();

/** A view that the worker keeps: opened again where the thread was lost, or the machine does not let it be opened. */
export class ViewWorkerClient {
  readonly #view: OpenView;
  readonly #hear: (message: FromWorker) => void;
  readonly #log: Logger;
  readonly #closed = Promise.withResolvers<void>();
  #id = 0;
  /** Whether it was open once. */
  #opened = false;
  #closing = false;
  #retry: NodeJS.Timeout | undefined;

  /** Has it opened. `hear` is called from the next turn of the event loop on. */
  constructor(view: OpenView, hear: (message: FromWorker) => void, log: Logger) {
    this.#view = view;
    this.#hear = hear;
    this.#log = log;
    this.#open();
  }

  tell(message: ToWorker): void {
    if (clients.has(this.#id)) thread?.postMessage({ ...message, id: this.#id } satisfies Addressed<ToWorker>);
  }

  /** For the thread: it has said something. */
  take(message: FromWorker): void {
    if (message.kind === 'closed') {
      this.#forget();
    } else if (message.kind === 'failed' && message.retry && this.#opened) {
      this.tell({ kind: 'close' });
      this.lose(message.reason);
    } else {
      this.#opened ||= message.kind === 'state';
      this.#hear(message);
    }
  }

  /** For the thread: nothing comes of what it was told. */
  lose(reason: string): void {
    this.#forget();
    if (this.#closing) return;
    if (this.#opened) this.#hear({ kind: 'state', state: nothing });
    this.#log.error({ reason }, 'the view worker was lost, or cannot open the view: trying on');
    this.#retry = setTimeout(() => this.#open(), tryAgainMs);
  }

  /** Resolves when its files are closed, or that takes too long. */
  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#retry);
    if (!clients.has(this.#id)) return;
    this.tell({ kind: 'close' });
    // One that hangs in a slow disk keeps the process alive: an exit would wait for it, out of reach of any timer.
    await within(this.#closed.promise, closeMs);
  }

  #open(): void {
    thread ??= start();
    thread.ref();
    this.#id = ++lastId;
    clients.set(this.#id, this);
    this.tell({ kind: 'open', view: this.#view });
  }

  #forget(): void {
    clients.delete(this.#id);
    // A process that has nothing else to do may end.
    if (clients.size === 0) thread?.unref();
    if (this.#closing) this.#closed.resolve();
  }
}

function start(): Worker {
  const started = new Worker(script, { name: 'views' });
  started.on('message', (message: Addressed<FromWorker>) => clients.get(message.id)?.take(message));
  let reason = 'the thread ended';
  started.once('error', (error) => {
    reason = error.message;
  });
  // Only now: while the thread closes its files, those who read them must not close theirs. SQLite would take the thread's
  // for the last, and write to the file behind the back of its mark.
  started.once('exit', () => {
    thread = undefined;
    for (const client of [...clients.values()]) client.lose(reason);
  });
  return started;
}
