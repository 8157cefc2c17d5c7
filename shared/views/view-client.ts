/**
 * The client of the view worker (view-worker.ts), the thread that maintains the views of a process, and the messages
 * between the two, which must be structured-cloneable.
 */
import { Worker } from 'node:worker_threads';
import type { Connection } from '../broker/connection.ts';
import type { StreamPosition } from '../broker/stream-identity.ts';
import { messageOf } from '../operations/errors.ts';
import type { Config } from '../process/config.ts';
import type { Logger } from '../process/log.ts';
import { within } from '../process/within.ts';
import type { ViewProjections } from './projection.ts';

/** The description of a view that the worker is to open. */
export interface OpenView {
  /** Name of the service. */
  name: string;
  /** Folder of its files. */
  folder: string;
  /** URL of the module that exports `projections` (a ViewProjections). */
  module: string;
  config: Config;
  /** Id of the service instance that the view's spans are attributed to. */
  instance: string;
}

/** What the parts of the worker share about an open view. */
export interface ViewContext extends Pick<OpenView, 'name' | 'folder' | 'config'> {
  definition: ViewProjections;
  connection: Connection;
  log: Logger;
  /** Sends a message to the view's client in the main thread. */
  post(message: FromWorker): void;
}

/** A view's progress in one stream. */
export interface StreamProgress {
  stream: string;
  position: StreamPosition;
  /** Number of messages in the stream that are not applied yet. */
  lag: number;
  /** When the broker stored the last message applied, in milliseconds since 1970. */
  appliedUpTo: number;
  /**
   * Whether the stream has been read to its end since reading last (re)started. `unverified`: it is not yet known
   * whether it is the stream that the position belongs to. Copies of other sites' streams are never `unverified`.
   */
  state: 'unverified' | 'behind' | 'caughtUp';
  /** The decision that an operator has to make before reading can continue, because the stream was lost. */
  problem: string | undefined;
}

/** The newest snapshot that a replica of the view could load. Shown to operators. */
export interface SnapshotState {
  /** When the snapshot was stored, in milliseconds since 1970; undefined if there is none. */
  madeAt: number | undefined;
  /** Its compressed size; undefined if there is none. */
  bytes: number | undefined;
  /** Messages in the view that are not in the snapshot. */
  behind: number;
  /** Why there is no snapshot, or no newer one. */
  problem: string | undefined;
}

/** The state of a view, as the worker reports it on every change and every two seconds. */
export interface ViewState {
  /** The file that queries read; undefined while no file is complete. */
  file: string | undefined;
  streams: StreamProgress[];
  /** Whether deferred rows still have to be written (Projection.flush). */
  pending: boolean;
  /** Whether the worker's connection to the broker is up. */
  connected: boolean;
  /** What the broker denies to that connection, such as `publish votes.hub.1` or `connect`. */
  refused: string[];
  rebuilds: number;
  /** The last step done at the end of a build, after the streams have been read and before the file serves. */
  finishing?: string | undefined;
  /** Undefined until it has been looked up. */
  snapshot?: SnapshotState | undefined;
}

/** The state of a view of which nothing is known yet. */
export const emptyState: ViewState = {
  file: undefined,
  streams: [],
  pending: false,
  connected: false,
  refused: [],
  rebuilds: 0,
};

/** Figures of one applied batch of a stream: duration, events, and how many of them were forged. */
export interface Applied {
  stream: string;
  seconds: number;
  events: number;
  forged: number;
}

export type ToWorker =
  | { kind: 'open'; view: OpenView }
  /** The file cannot be read or trusted, and has to be replaced. */
  | { kind: 'rebuild'; file: string; reason: string }
  /** A request needs rows that may still be deferred. */
  | { kind: 'flush'; request: unknown }
  | { kind: 'close' };

export type FromWorker =
  /** First sent after the first attempt to open a file. `applied` describes the batch when one was just applied. */
  | { kind: 'state'; state: ViewState; applied?: Applied | undefined }
  /** The view cannot be opened because of a defect in the code, such as SQL that does not fit the tables. */
  | { kind: 'failed'; reason: string; stack: string | undefined }
  /** A new file was created. The client checks that its queries can be prepared on it. */
  | { kind: 'made'; file: string }
  /** The rows that a request needs were written, or cannot be written now. */
  | { kind: 'flushed'; request: unknown; written: boolean }
  /** A message of the stream was sent to DEADLETTERS. */
  | { kind: 'deadLettered'; stream: string }
  | { kind: 'closed' };

/** Returns the cloneable parts of an error. */
export function errorInfo(error: unknown): { reason: string; stack: string | undefined } {
  return { reason: messageOf(error), stack: error instanceof Error ? error.stack : undefined };
}

/** A message with the id of its view. */
export type Addressed<Message> = Message & { id: number };

/** This path is valid in the sources and in each folder of the bundle. */
const script = new URL(`../views/view-worker${import.meta.url.slice(-3)}`, import.meta.url);
const restartMs = 1000;
const closeTimeoutMs = 6000;

/** Started with the first view, and again when it has crashed. */
let thread: Worker | undefined;
let lastId = 0;
const clients = new Map<number, ViewClient>();

/** The main thread's handle on one view in the worker. Reopens the view after the worker has crashed. */
export class ViewClient {
  readonly #id = ++lastId;
  readonly #view: OpenView;
  readonly #onMessage: (message: FromWorker) => void;
  readonly #log: Logger;
  readonly #closed = Promise.withResolvers<void>();
  #closing = false;
  #retry: NodeJS.Timeout | undefined;

  /** Opens the view. `onMessage` is first called in a later turn of the event loop. */
  constructor(view: OpenView, onMessage: (message: FromWorker) => void, log: Logger) {
    this.#view = view;
    this.#onMessage = onMessage;
    this.#log = log;
    clients.set(this.#id, this);
    this.#open();
  }

  post(message: ToWorker): void {
    thread?.postMessage({ ...message, id: this.#id } satisfies Addressed<ToWorker>);
  }

  /** Handles a message from the worker. */
  receive(message: FromWorker): void {
    if (message.kind === 'closed') this.#unregister();
    else this.#onMessage(message);
  }

  /** Handles the exit of the worker. */
  threadEnded(reason: string): void {
    if (this.#closing) {
      this.#unregister();
    } else {
      this.#onMessage({ kind: 'state', state: emptyState });
      this.#log.error({ reason }, 'the view worker crashed; restarting it');
      // If it crashes twice within a second, the view must not be opened twice: a file has only one writer.
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#open(), restartMs);
    }
  }

  /** Resolves when the view's files are closed, or after a timeout. */
  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#retry);
    if (thread) this.post({ kind: 'close' });
    else this.#unregister();
    // A worker that hangs on a slow disk keeps the process alive. process.exit() would wait for it without a timeout.
    await within(this.#closed.promise, closeTimeoutMs);
  }

  #open(): void {
    thread ??= start();
    thread.ref();
    this.post({ kind: 'open', view: this.#view });
  }

  #unregister(): void {
    clients.delete(this.#id);
    // An idle worker must not keep the process alive.
    if (clients.size === 0) thread?.unref();
    this.#closed.resolve();
  }
}

function start(): Worker {
  const started = new Worker(script, { name: 'views' });
  started.on('message', (message: Addressed<FromWorker>) => clients.get(message.id)?.receive(message));
  let reason = 'the thread ended';
  started.once('error', (error) => {
    reason = error.message;
  });
  // On `exit`, not on `error`: readers must not close a file while the worker still closes its own connection. SQLite
  // would take one of them for the last connection and write to the file after its fingerprint was saved.
  started.once('exit', () => {
    thread = undefined;
    for (const client of [...clients.values()]) client.threadEnded(reason);
  });
  return started;
}
