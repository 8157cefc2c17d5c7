/**
 * The border between a process and the thread that keeps its views (view-worker.ts): what the two say to each other, all of
 * which can be cloned, and the process's side of it.
 */
import { Worker } from 'node:worker_threads';
import type { Connection } from '../broker/connection.ts';
import type { StreamPosition } from '../broker/stream-identity.ts';
import { messageOf } from '../operations/errors.ts';
import type { Config } from '../process/config.ts';
import type { Logger } from '../process/log.ts';
import { within } from '../process/within.ts';
import type { ViewProjections } from './projection.ts';

/** A view to be opened. */
export interface OpenView {
  /** Name of the service. */
  name: string;
  /** Folder of its files. */
  folder: string;
  /** URL of the module that exports `projections`, its ViewProjections. */
  module: string;
  config: Config;
  /** The instance that its spans belong to. */
  instance: string;
}

/** A view that is open, for the parts of the thread that keep it. */
export interface KeptView extends Pick<OpenView, 'name' | 'folder' | 'config'> {
  definition: ViewProjections;
  connection: Connection;
  log: Logger;
  /** Tells those who answer from the view. */
  tell(message: FromWorker): void;
}

/** Where a view is in one stream. */
export interface StreamProgress {
  stream: string;
  position: StreamPosition;
  /** Messages behind the last one applied. */
  lag: number;
  /** When the broker stored the last message applied. Milliseconds since 1970. */
  appliedUpTo: number;
  /**
   * Since the last trouble with the stream it has been read to its end, or not yet; `unsure` before it is known to be the one
   * that the position belongs to, if it is no copy of another site's.
   */
  state: 'unsure' | 'behind' | 'caughtUp';
  /** What an operator has to decide before the stream can be read on: it was lost. */
  problem: string | undefined;
}

/** The newest snapshot of a view that fits it, for operators. */
export interface SnapshotState {
  /** When it was stored, in milliseconds since 1970, and how many bytes it has; undefined where there is none. */
  madeAt: number | undefined;
  bytes: number | undefined;
  /** Messages that a replica without a file would have to read. */
  behind: number;
  /** Why there is none, or none so new. */
  problem: string | undefined;
}

/** All that is known of a view. Said every two seconds, and when something of it changes. */
export interface ViewState {
  /** What to answer from: it has caught up with its streams once; undefined for nothing. */
  file: string | undefined;
  streams: StreamProgress[];
  /** Whether some of its rows are still to be written (Projection.flush). */
  pending: boolean;
  /** Whether the thread's connection to the broker stands. */
  connected: boolean;
  /** What the broker refuses to it. */
  refused: string[];
  rebuilds: number;
  /** What is being done to a file that has read its streams once, before it serves. */
  finishing?: string | undefined;
  /** Undefined while it is not known. */
  snapshot?: SnapshotState | undefined;
}

/** There is nothing to answer from, and nothing is known. */
export const nothing: ViewState = {
  file: undefined,
  streams: [],
  pending: false,
  connected: false,
  refused: [],
  rebuilds: 0,
};

/** One batch of a stream: how long its transactions took, how many events it had, and how many were forged. */
export interface Applied {
  stream: string;
  seconds: number;
  events: number;
  forged: number;
}

export type ToWorker =
  | { kind: 'open'; view: OpenView }
  /** What is served from this file cannot be trusted, or cannot be read. */
  | { kind: 'rebuild'; file: string; reason: string }
  /** Somebody wants to read rows that may still have to be written: those that the answer to their request needs. */
  | { kind: 'flush'; request: unknown }
  | { kind: 'close' };

export type FromWorker =
  /** First when opening a file has been tried, whatever came of it. `applied`: a batch of a stream's events was. */
  | { kind: 'state'; state: ViewState; applied?: Applied | undefined }
  /** The view cannot be kept with this code. */
  | { kind: 'failed'; reason: string; stack: string | undefined }
  /** A new file was made: the queries must fit it. */
  | { kind: 'made'; file: string }
  /** The rows that a request needs are there, or cannot be written now. */
  | { kind: 'flushed'; request: unknown; written: boolean }
  /** A message of the stream went to DEADLETTERS. */
  | { kind: 'deadLettered'; stream: string }
  | { kind: 'closed' };

/** What is said of an error to the other side. */
export function describe(error: unknown): { reason: string; stack: string | undefined } {
  return { reason: messageOf(error), stack: error instanceof Error ? error.stack : undefined };
}

/** With the id of the view that it is about. */
export type Addressed<Message> = Message & { id: number };

/** Right from the folder of the sources and from each folder of the bundle. */
const script = new URL(`../views/view-worker${import.meta.url.slice(-3)}`, import.meta.url);
const tryAgainMs = 1000;
/** Closing takes no longer, whatever hangs. */
const closeMs = 6000;

/** Started with the first view, and again when lost. */
let thread: Worker | undefined;
let lastId = 0;
const clients = new Map<number, ViewClient>();

/** A view that the thread keeps: opened again where the thread was lost. */
export class ViewClient {
  readonly #id = ++lastId;
  readonly #view: OpenView;
  readonly #hear: (message: FromWorker) => void;
  readonly #log: Logger;
  readonly #closed = Promise.withResolvers<void>();
  #closing = false;
  #retry: NodeJS.Timeout | undefined;

  /** Has it opened. `hear` is called from the next turn of the event loop on. */
  constructor(view: OpenView, hear: (message: FromWorker) => void, log: Logger) {
    this.#view = view;
    this.#hear = hear;
    this.#log = log;
    clients.set(this.#id, this);
    this.#open();
  }

  tell(message: ToWorker): void {
    thread?.postMessage({ ...message, id: this.#id } satisfies Addressed<ToWorker>);
  }

  /** For the thread: it has said something. */
  take(message: FromWorker): void {
    if (message.kind === 'closed') this.#forget();
    else this.#hear(message);
  }

  /** For the thread: it has ended. */
  lose(reason: string): void {
    if (this.#closing) {
      this.#forget();
    } else {
      this.#hear({ kind: 'state', state: nothing });
      this.#log.error({ reason }, 'the view worker was lost: it is started again');
      // Where it is lost twice within a second: opened twice, a file would have two that write it.
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#open(), tryAgainMs);
    }
  }

  /** Resolves when its files are closed, or that takes too long. */
  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#retry);
    if (thread) this.tell({ kind: 'close' });
    else this.#forget();
    // One that hangs in a slow disk keeps the process alive: an exit would wait for it, out of reach of any timer.
    await within(this.#closed.promise, closeMs);
  }

  #open(): void {
    thread ??= start();
    thread.ref();
    this.tell({ kind: 'open', view: this.#view });
  }

  #forget(): void {
    clients.delete(this.#id);
    // A process that has nothing else to do may end.
    if (clients.size === 0) thread?.unref();
    this.#closed.resolve();
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
