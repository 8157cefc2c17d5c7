/** A view: what a service replica answers from. Its file is kept up to date by the thread of views, and read here. */

import type { StreamPosition } from '../broker/stream-identity.ts';
import { Telemetry } from '../observe/telemetry.ts';
import { AppError, messageOf } from '../operations/errors.ts';
import type { Config } from '../process/config.ts';
import type { Logger } from '../process/log.ts';
import { AppliedMetrics } from './applied-metrics.ts';
import { isCorrupt, isEnvironmental } from './database.ts';
import { Gate } from './gate.ts';
import type { FromThread, Moved, Served, ViewState } from './messages.ts';
import { type StreamStatus, type ViewDefinition, ViewReader } from './view-reader.ts';
import { ThreadedView } from './view-worker-client.ts';
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
/** The thread says something every two seconds, unless it is at work on a large file, or its disk hangs. */
const silentMs = 15_000;
/** Closing takes no longer, whatever hangs. */
const closeMs = 6000;

/**
 * The view of one service replica. Serves as soon as it has caught up with its streams once; after that also while
 * the broker is away, and while a new file is built beside the old one.
 */
export class View<Q> implements AsyncDisposable {
  readonly #options: ViewOptions<Q>;
  readonly #waiters = new Waiters();
  readonly #opened = Promise.withResolvers<void>();
  readonly #telemetry: Telemetry;
  readonly #applied: AppliedMetrics;
  #closed = Promise.withResolvers<void>();
  #heardAt = 0;
  /** Whether the thread's connection to the broker stands, as it said last. */
  #connected = true;
  #kept: ThreadedView | undefined;
  #reader: ViewReader<Q> | undefined;
  #state: ViewState = { answers: false, behind: true, rebuilds: 0 };
  readonly #answering = new Gate();
  /** Whether a file was opened once. */
  #tried = false;
  #retry: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(options: ViewOptions<Q>) {
    this.#options = options;
    this.#telemetry = options.telemetry ?? new Telemetry(options.name);
    this.#applied = new AppliedMetrics(this.#telemetry);
    this.#opened.promise.catch(() => {});
    this.#open();
  }

  /**
   * Resolves when opening a file has been tried: what can be answered from, is. Rejects where nothing can ever be kept, such
   * as without the module that writes the rows.
   */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** The prepared queries. @throws AppError unavailable while there is nothing to answer from. */
  get queries(): Q {
    if (this.#answers && this.#reader) return this.#reader.queries;
    throw new AppError('unavailable', 'The view is being built from its streams.');
  }

  /**
   * What is kept under a key since the last change of the view, or else what `make` gives, which is kept until the next.
   * Worth it for what is asked for again and again; a key stands for one kind of answer.
   * @throws AppError unavailable while there is nothing to answer from; what `make` throws.
   */
  cached<T>(key: string | number, make: (queries: Q) => T): T {
    const { queries } = this;
    return (this.#reader as ViewReader<Q>).cache.cached(key, () => make(queries));
  }

  /** Resolves when the view can answer. */
  get ready(): Promise<void> {
    return this.#answering.met;
  }

  /** Resolves when a view that could answer no longer can. */
  get lost(): Promise<void> {
    return this.#answering.lost;
  }

  /**
   * Whether it has caught up with every stream since it was opened, and since the last trouble with a stream; false also
   * where the thread has not been heard of for a while, or has no connection: it would not notice what comes.
   */
  get caughtUp(): boolean {
    const follows = this.#connected && performance.now() - this.#heardAt < silentMs;
    return this.#answers && !this.#state.behind && follows;
  }

  /** Times that it was built again. */
  get rebuilds(): number {
    return this.#state.rebuilds;
  }

  /** Position and lag for each stream. */
  status(): StreamStatus[] {
    return this.#reader?.status() ?? [];
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
    if (this.#answers && hasReached(this.position(stream), sequence, meant)) return Promise.resolve(true);
    return this.#waiters.wait(stream, sequence, timeoutMs, meant);
  }

  /** To be told of errors that queries meet. Gives true for a broken file, which is replaced. */
  failed(error: unknown): boolean {
    if (!isCorrupt(error)) return false;
    this.#setAnswers(false);
    this.#kept?.tell({ kind: 'rebuild', reason: `the file is broken: ${messageOf(error)}` });
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    clearTimeout(this.#retry);
    this.#waiters.cancelAll();
    this.#opened.resolve();
    // The thread closes its end last, so that the file is whole behind it.
    this.#release();
    const kept = this.#kept;
    if (!kept) return;
    kept.tell({ kind: 'close' });
    const timer = setTimeout(this.#closed.resolve, closeMs);
    await this.#closed.promise;
    clearTimeout(timer);
    kept.ended();
  }

  #open(): void {
    const { name, folder, definition, config } = this.#options;
    const { instance } = this.#telemetry;
    const view = { name, folder, module: definition.module.href, config, instance };
    this.#closed = Promise.withResolvers();
    this.#kept = new ThreadedView(view, {
      hear: (message) => this.#hear(message),
      lost: (reason) => this.#lose(reason),
    });
  }

  #hear(message: FromThread): void {
    const { kind } = message;
    this.#heardAt = performance.now();
    if (kind === 'moved') this.#move(message.moved);
    else if (kind === 'serve') this.#serve(message.served, message.state);
    else if (kind === 'state') {
      this.#state = message.state;
      this.#setAnswers(message.state.answers);
    } else if (kind === 'progress') {
      if (message.generation !== this.#reader?.generation) return;
      for (const one of message.progress) this.#reader.set(one);
      this.#wakeAll();
    } else if (kind === 'beat') this.#connected = message.connected;
    else if (kind === 'deadLettered') this.#telemetry.metrics.deadLetters(message.stream).inc();
    else if (kind === 'tried') {
      this.#tried = true;
      this.#opened.resolve();
    } else if (kind === 'failed') this.#fail(message.reason);
    else this.#closed.resolve();
  }

  /** Reads another file from now on, or none. */
  #serve(served: Served | null, state: ViewState): void {
    this.#release();
    this.#state = state;
    if (served && !this.#disposed) this.#read(served);
    this.#setAnswers(state.answers);
  }

  #read(served: Served): void {
    try {
      this.#reader = new ViewReader(served, (db) => this.#options.definition.open(db));
    } catch (error) {
      const { generation } = served;
      const environmental = isEnvironmental(error);
      this.#kept?.tell({ kind: 'refused', generation, reason: messageOf(error), environmental });
      return;
    }
    this.#wakeAll();
  }

  #release(): void {
    const reader = this.#reader;
    if (!reader) return;
    this.#reader = undefined;
    try {
      reader.close();
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, 'the old file cannot be closed');
    }
    this.#kept?.tell({ kind: 'released', generation: reader.generation });
  }

  #move({ generation, progress, applied }: Moved): void {
    const { stream, position } = progress;
    if (applied) this.#applied.observe(stream, applied);
    const reader = this.#reader;
    if (generation !== reader?.generation) return;
    reader.set(progress);
    // What cannot be asked for is not visible.
    if (position && this.#answers) this.#waiters.wake(stream, position);
  }

  #wakeAll(): void {
    if (!this.#answers) return;
    for (const [stream, position] of this.#reader?.positions() ?? []) this.#waiters.wake(stream, position);
  }

  /** The thread cannot keep the view. What it could once, it will again: the machine is to blame. */
  #fail(reason: string): void {
    this.#opened.reject(new Error(reason));
    if (!this.#tried || this.#disposed) return;
    this.#kept?.tell({ kind: 'close' });
    this.#kept?.ended();
    this.#openAgain();
    this.#options.log.error({ reason }, 'the view cannot be opened: trying on');
  }

  /** The thread is no more: another opens the file again. */
  #lose(reason: string): void {
    this.#openAgain();
    if (!this.#disposed) this.#options.log.error({ reason }, 'the thread of views was lost: it is started again');
  }

  #openAgain(): void {
    this.#kept = undefined;
    this.#release();
    this.#setAnswers(false);
    this.#closed.resolve();
    if (!this.#disposed) this.#retry = setTimeout(() => this.#open(), tryAgainMs);
  }

  #setAnswers(wanted: boolean): void {
    const answered = this.#answers;
    this.#answering.set(wanted && this.#reader !== undefined);
    if (!answered) this.#wakeAll();
  }

  get #answers(): boolean {
    return this.#answering.holds;
  }
}
