/** A view: what a service replica answers from. Its file is kept up to date by the view worker, and read here. */

import type { StreamPosition } from '../broker/stream-identity.ts';
import { Telemetry } from '../observe/telemetry.ts';
import { AppError, messageOf } from '../operations/errors.ts';
import type { Config } from '../process/config.ts';
import type { Logger } from '../process/log.ts';
import { within } from '../process/within.ts';
import { isCorrupt, isEnvironmental, isOfAnotherFile } from './database.ts';
import { Gate } from './gate.ts';
import { describe, type FromWorker, type Served, type StreamProgress, type ViewState } from './messages.ts';
import { PendingFlush } from './pending-flush.ts';
import { misfitOf, type StreamStatus, type ViewDefinition, ViewReader } from './view-reader.ts';
import { ViewWorkerClient } from './view-worker-client.ts';
import { hasReached, type SameStream, Waiters } from './waiters.ts';

interface ViewOptions<Q> {
  /** Name of the service. */
  name: string;
  /** Folder of the files. */
  folder: string;
  definition: ViewDefinition<Q>;
  config: Config;
  log: Logger;
  telemetry?: Telemetry;
}

const tryAgainMs = 1000;
/** The worker says something every two seconds, unless it is at work on a large file, or its disk hangs. */
const silentMs = 15_000;
/** Closing takes no longer, whatever hangs. */
const closeMs = 6000;

/**
 * The view of one service replica. Serves as soon as it has caught up with its streams once; after that also while
 * the broker is away, and while a new file is built beside the old one.
 */
export class View<Q> implements AsyncDisposable {
  readonly #options: ViewOptions<Q>;
  readonly #telemetry: Telemetry;
  readonly #waiters = new Waiters();
  readonly #flush = new PendingFlush();
  /** Open while it can answer. */
  readonly #answering = new Gate();
  readonly #opened = Promise.withResolvers<void>();
  /** Rejects when the view cannot be kept with this code. */
  readonly #hopeless = Promise.withResolvers<never>();
  #closed = Promise.withResolvers<void>();
  #worker: ViewWorkerClient | undefined;
  #reader: ViewReader<Q> | undefined;
  #state: ViewState = { answers: false, behind: true, connected: true, refused: [], rebuilds: 0 };
  #heardAt = 0;
  /** Whether a file was opened once. */
  #tried = false;
  #retry: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(options: ViewOptions<Q>) {
    this.#options = options;
    this.#telemetry = options.telemetry ?? new Telemetry(options.name);
    this.#opened.promise.catch(() => {});
    this.#hopeless.promise.catch(() => {});
    this.#open();
  }

  /**
   * Resolves when opening a file has been tried: what can be answered from, is. Rejects where that can never be, such as for
   * SQL that does not fit its tables.
   */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** Resolves when the view can answer. Rejects when it never will with this code, or this user of the broker. */
  get ready(): Promise<void> {
    return Promise.race([this.#hopeless.promise, this.#answering.opened]);
  }

  /** Resolves when a view that could answer no longer can. */
  get lost(): Promise<void> {
    return this.#answering.closed;
  }

  /** The prepared queries. @throws AppError unavailable while there is nothing to answer from. */
  get queries(): Q {
    return this.#answeringReader.queries;
  }

  /**
   * What is kept under a key since the last change of the view, or else what `make` gives, which is kept until the next.
   * Worth it for what is asked for again and again; a key stands for one kind of answer.
   * @param stream where the answer follows from this stream alone, and may be a moment old
   * @throws AppError unavailable while there is nothing to answer from; what `make` throws.
   */
  cached<T>(key: string | number, make: (queries: Q) => T, stream?: string): T {
    const reader = this.#answeringReader;
    const cache = stream === undefined ? reader.cache : reader.cacheOf(stream);
    return cache.cached(key, () => make(reader.queries));
  }

  /**
   * Whether it has caught up with every stream since it was opened, and since the last trouble with a stream; false also
   * where the worker has not been heard of for a while, or has no connection: it would not notice what comes.
   */
  get caughtUp(): boolean {
    const follows = this.#state.connected && performance.now() - this.#heardAt < silentMs;
    return this.#answering.open && !this.#state.behind && follows;
  }

  /** What the broker refuses to its worker. */
  get refused(): string[] {
    return this.#state.refused;
  }

  /** Times that it was built again. */
  get rebuilds(): number {
    return this.#state.rebuilds;
  }

  /** Position and lag for each stream. */
  status(): StreamStatus[] {
    return this.#reader?.status() ?? [];
  }

  /** Whether what answers now follows from a stream. */
  reads(stream: string): boolean {
    return this.#reader?.reads(stream) ?? false;
  }

  /** What has been taken of a stream into what answers now. */
  position(stream: string): StreamPosition | undefined {
    return this.#reader?.position(stream);
  }

  /**
   * Waits until an event is in the view, and can be asked for. Gives false when it is not within `timeoutMs`.
   * @param meant where another stream may have come in the place of the one that the view has read
   */
  waitFor(stream: string, sequence: number, timeoutMs: number, meant?: SameStream): Promise<boolean> {
    if (this.#disposed) return Promise.resolve(false);
    if (this.#answering.open && hasReached(this.position(stream), sequence, meant)) return Promise.resolve(true);
    return this.#waiters.wait(stream, sequence, timeoutMs, meant);
  }

  /**
   * Waits until rows that projections have left for later are there, for a query that reads them.
   * @param deadline milliseconds since 1970
   * @throws AppError unavailable when they are not by then, or cannot be written
   */
  async flushed(deadline: number): Promise<void> {
    if (this.#reader?.pending) await this.#flush.wait(deadline, () => this.#worker?.tell({ kind: 'flush' }));
  }

  /** To be told of errors that queries meet. Gives true for a broken file, which is replaced. */
  failed(error: unknown): boolean {
    const file = this.#reader?.file;
    if (file === undefined) return false;
    // A table that is missing is a mistake in a query, unless the file lacks what all queries were prepared on.
    if (!isCorrupt(error) && !(isOfAnotherFile(error) && misfitOf(file, this.#options.definition))) return false;
    this.#setAnswers(false);
    this.#distrust(file, `the file is broken: ${messageOf(error)}`);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    clearTimeout(this.#retry);
    this.#waiters.cancelAll();
    this.#opened.resolve();
    // The worker closes its end last, so that the file is whole behind it.
    this.#closeReader();
    const worker = this.#worker;
    if (!worker) return;
    worker.tell({ kind: 'close' });
    // One that hangs in a slow disk keeps the process alive: an exit would wait for it, out of reach of any timer.
    await within(
      this.#closed.promise.then(() => worker.ended()),
      closeMs,
    );
  }

  get #answeringReader(): ViewReader<Q> {
    if (this.#answering.open && this.#reader) return this.#reader;
    throw new AppError('unavailable', 'The view is being built from its streams.');
  }

  #open(): void {
    const { name, folder, definition, config } = this.#options;
    const { instance } = this.#telemetry;
    this.#closed = Promise.withResolvers();
    this.#worker = new ViewWorkerClient(
      { name, folder, module: definition.module.href, config, instance },
      { hear: (message) => this.#hear(message), lost: (reason) => this.#lose(reason) },
    );
  }

  #hear(message: FromWorker): void {
    const { kind } = message;
    this.#heardAt = performance.now();
    if (kind === 'progress') this.#move(message);
    else if (kind === 'flushed') this.#endFlush(message.file, message.pending);
    else if (kind === 'state') this.#setState(message.state);
    else if (kind === 'serve') this.#serve(message.served, message.state);
    else if (kind === 'made') this.#made(message.file);
    else if (kind === 'deadLettered') this.#telemetry.metrics.deadLetters(message.stream).inc();
    else if (kind === 'failed') this.#fail(message);
    else if (kind === 'closed') this.#closed.resolve();
    else {
      this.#tried = true;
      this.#opened.resolve();
    }
  }

  #move({ file, progress, pending, applied }: FromWorker & { kind: 'progress' }): void {
    if (applied) {
      const { seconds, events, consumed } = this.#telemetry.metrics.view(applied.stream);
      seconds.observe(applied.seconds);
      events.observe(applied.events);
      consumed.inc(applied.events);
    }
    if (file !== this.#reader?.file) return;
    this.#reader.set(progress);
    this.#reader.pending = pending;
    this.#reader.endSnapshot();
    this.#wake(progress);
  }

  #endFlush(file: string | undefined, pending: boolean): void {
    if (this.#reader && file === this.#reader.file) {
      this.#reader.pending = pending;
      this.#reader.endSnapshot();
    }
    this.#flush.ended(!pending);
  }

  /** What cannot be asked for is not visible. */
  #wake(progress: Iterable<StreamProgress>): void {
    if (!this.#answering.open) return;
    for (const { stream, position } of progress) if (position) this.#waiters.wake(stream, position);
  }

  /** A file was just made: where the queries cannot be prepared on it, it is they that are wrong. */
  #made(file: string): void {
    const error = misfitOf(file, this.#options.definition);
    if (error && !isEnvironmental(error)) this.#fail({ ...describe(error), retry: false });
  }

  /** Reads another file from now on, or none. */
  #serve(served: Served | null, state: ViewState): void {
    clearTimeout(this.#retry);
    this.#closeReader();
    if (served && !this.#disposed) this.#read(served, state);
    this.#setState(state);
  }

  #read(served: Served, state: ViewState): void {
    try {
      this.#reader = new ViewReader(served, this.#options.definition.open);
    } catch (error) {
      if (isEnvironmental(error)) this.#retry = setTimeout(() => this.#serve(served, state), tryAgainMs);
      else this.#distrust(served.file, `the file cannot be read: ${messageOf(error)}`);
    }
  }

  #distrust(file: string, reason: string): void {
    this.#worker?.tell({ kind: 'rebuild', file, reason });
  }

  #closeReader(): void {
    try {
      this.#reader?.close();
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, 'the old file cannot be closed');
    }
    this.#reader = undefined;
    this.#endFlush(undefined, true);
  }

  #setState(state: ViewState): void {
    this.#state = state;
    const [refused] = state.refused;
    if (refused) this.#hopeless.reject(new Error(`the broker refuses ${this.#options.name}: ${refused}`));
    this.#setAnswers(state.answers);
  }

  #setAnswers(answers: boolean): void {
    const before = this.#answering.open;
    this.#answering.set(answers && this.#reader !== undefined);
    if (!before) this.#wake(this.#reader?.progress ?? []);
  }

  /** The worker cannot keep the view. What it could once, it will again where the machine is to blame. */
  #fail({ reason, stack, retry }: { reason: string; stack: string | undefined; retry: boolean }): void {
    if (this.#disposed) return;
    if (this.#tried && retry) {
      this.#worker?.tell({ kind: 'close' });
      this.#worker?.ended();
      this.#openAgain();
      this.#options.log.error({ reason }, 'the view cannot be opened: trying on');
      return;
    }
    const error = new Error(`the view of ${this.#options.name} cannot be kept: ${reason}`);
    if (stack !== undefined) error.stack = `${error.name}: ${error.message}\n${stack}`;
    this.#options.log.fatal({ err: error }, 'the view cannot be kept with this code');
    this.#opened.reject(error);
    this.#hopeless.reject(error);
  }

  /** The thread is no more: another opens the file again. */
  #lose(reason: string): void {
    this.#openAgain();
    if (!this.#disposed) this.#options.log.error({ reason }, 'the view worker was lost: it is started again');
  }

  #openAgain(): void {
    this.#worker = undefined;
    clearTimeout(this.#retry);
    this.#closeReader();
    this.#setAnswers(false);
    this.#closed.resolve();
    if (!this.#disposed) this.#retry = setTimeout(() => this.#open(), tryAgainMs);
  }
}
