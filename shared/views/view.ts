/** A view: what a service replica answers from. Its file is kept up to date by the view worker, and read here. */
import type { StreamPosition } from '../broker/stream-identity.ts';
import type { Telemetry } from '../observe/telemetry.ts';
import { AppError, messageOf } from '../operations/errors.ts';
import { now } from '../process/clock.ts';
import type { Logger } from '../process/log.ts';
import { isCorrupt, isEnvironmental, isOfAnotherFile } from './database.ts';
import { misfitOf, type ViewDefinition, ViewReader } from './view-reader.ts';
import { describe, type FromWorker, nothing, type OpenView, ViewClient, type ViewState } from './view-thread.ts';
import { Waiters } from './waiters.ts';

interface ViewOptions<Q> extends Pick<OpenView, 'name' | 'folder' | 'config'> {
  definition: ViewDefinition<Q>;
  log: Logger;
  telemetry: Telemetry;
}

/** The worker says something every two seconds, unless it is at work on a large file, or its disk hangs. */
const silentMs = 15_000;

/**
 * The view of one service replica. Serves as soon as it has caught up with its streams once; after that also while
 * the broker is away, and while a new file is built beside the old one.
 */
export class View<Q> implements AsyncDisposable {
  readonly #options: ViewOptions<Q>;
  readonly #waiters = new Waiters();
  /** Requests whose rows the worker was asked to write, and whether it has: once for all that came since it last said something. */
  readonly #flushes = new Map<string, { written?: boolean }>();
  readonly #worker: ViewClient;
  #reader: ViewReader<Q> | undefined;
  /** What the worker last said. */
  #state = nothing;
  #heardAt = Number.NEGATIVE_INFINITY;
  /** Why it cannot be kept with this code. */
  #failure: Error | undefined;
  #disposed = false;

  constructor(options: ViewOptions<Q>) {
    const { name, folder, definition, config, log, telemetry } = options;
    this.#options = options;
    const { instance } = telemetry;
    const view = { name, folder, module: definition.module.href, config, instance };
    this.#worker = new ViewClient(view, (message) => this.#hear(message), log);
  }

  /** Resolves when the view can answer. Rejects where it cannot with this code, or this user of the broker. */
  get ready(): Promise<void> {
    const refusal = (): Error | undefined => {
      const [refused] = this.#state.refused;
      return refused ? new Error(`the broker refuses ${this.#options.name}: ${refused}`) : undefined;
    };
    return this.#unlessFailed(
      () => this.canAnswer && !this.#failure,
      () => this.#failure ?? refusal(),
    );
  }

  /** Resolves after the first attempt to open a file. Rejects where none can be, such as for SQL that fits no table. */
  get opened(): Promise<void> {
    return this.#unlessFailed(
      () => this.#heardAt > 0,
      () => this.#failure,
    );
  }

  async #unlessFailed(condition: () => boolean, failure: () => Error | undefined): Promise<void> {
    await this.#waiters.wait(() => condition() || failure() !== undefined);
    if (!condition()) throw failure() ?? new Error('the view was closed');
  }

  /** Resolves when it cannot answer any more. */
  get lost(): Promise<void> {
    return this.#waiters.wait(() => !this.canAnswer).then(() => {});
  }

  /** The prepared queries. @throws AppError unavailable while there is nothing to answer from. */
  get queries(): Q {
    if (this.#reader) return this.#reader.queries;
    throw new AppError('unavailable', 'The view is being built from its streams.');
  }

  /** As ViewReader.cached. @throws AppError unavailable while there is nothing to answer from; what `make` throws. */
  cached<T>(key: string | number, make: (queries: Q) => T): T {
    return this.#reader ? this.#reader.cached(key, make) : make(this.queries);
  }

  /**
   * Whether it has caught up with every stream since it was opened, and since the last trouble with a stream; false also
   * where the worker has not been heard of for a while, or has no connection: it would not notice what comes.
   */
  get caughtUp(): boolean {
    const { connected, streams } = this.#state;
    const follows = connected && performance.now() - this.#heardAt < silentMs;
    return this.canAnswer && follows && streams.every(({ state }) => state === 'caughtUp');
  }

  /** What an operator has to decide before its streams can be read on, in a sentence each. */
  get problems(): string[] {
    return this.#state.streams.flatMap(({ problem = [] }) => problem);
  }

  /**
   * Whether it is known to be made of the streams that the broker has now. Copies of other sites' streams do not count: nothing is
   * decided by them alone. Nothing is decided on a view that is not sure.
   */
  get sure(): boolean {
    const { connected, streams } = this.#state;
    return connected && streams.every(({ state }) => state !== 'unsure');
  }

  /**
   * Waits until it is sure.
   * @param deadline milliseconds since 1970
   * @throws AppError unavailable with the reason, at once where only an operator can help
   */
  async confirmed(deadline: number): Promise<void> {
    const known = (): boolean => this.sure || this.problems.length > 0;
    await this.#waiters.wait(known, deadline - Date.now());
    if (this.sure) return;
    throw new AppError('unavailable', this.problems[0] ?? 'The view is being compared with its streams.');
  }

  get state(): Readonly<ViewState> {
    return this.#state;
  }

  /** Its position in each stream, and its lag in messages and seconds, for people. */
  status() {
    return this.#state.streams.map(({ stream, position, lag, appliedUpTo }) => ({
      stream,
      sequence: position.sequence,
      lag,
      // How old the next message to be applied is, at most.
      lagSeconds: lag === 0 ? 0 : Math.max(0, now() - appliedUpTo) / 1000,
    }));
  }

  /** What has been taken of a stream into what answers now; undefined where that follows from other streams only. */
  position(stream: string): StreamPosition | undefined {
    return this.#state.streams.find((progress) => progress.stream === stream)?.position;
  }

  /**
   * Waits until an event is in the view, and can be asked for. Gives false when it is not within `timeoutMs`.
   * @param meant where another stream may have come in the place of the one that the view has read: whether it is the one
   *   that was created then
   */
  waitFor(stream: string, sequence: number, timeoutMs: number, meant?: (created: string) => boolean): Promise<boolean> {
    const reached = (): boolean => {
      if (!this.canAnswer) return false;
      const position = this.position(stream);
      return position !== undefined && position.sequence >= sequence && (meant?.(position.created) ?? true);
    };
    return this.#waiters.wait(reached, timeoutMs);
  }

  /**
   * Waits until rows that projections have left for later are there, as far as the answer to a request needs them; undefined
   * where all are.
   * @param request what Projection.flush gets
   * @throws AppError unavailable when they are not there at the deadline, or cannot be written
   */
  flushed(request: unknown, deadline: number): Promise<void> | undefined {
    return this.#state.pending ? this.#flush(request, deadline) : undefined;
  }

  async #flush(request: unknown, deadline: number): Promise<void> {
    const key = JSON.stringify(request);
    const asked = this.#flushes.get(key) ?? {};
    if (!this.#flushes.has(key)) this.#worker.tell({ kind: 'flush', request });
    this.#flushes.set(key, asked);
    await this.#waiters.wait(() => asked.written !== undefined, deadline - Date.now());
    if (!asked.written) throw new AppError('unavailable', 'The view is behind.');
  }

  /** To be told of errors that queries meet. Gives true where the disk is to blame, or a broken file, which is replaced. */
  failed(error: unknown): boolean {
    const file = this.#reader?.file;
    if (isEnvironmental(error)) {
      this.#options.log.warn({ file, reason: messageOf(error) }, 'the view cannot be read');
      return true;
    }
    if (file === undefined) return false;
    // A table that is missing is a mistake in a query, unless the file lacks what all queries were prepared on.
    const { open } = this.#options.definition;
    if (!isCorrupt(error) && !(isOfAnotherFile(error) && misfitOf(file, open))) return false;
    this.#closeReader();
    this.#waiters.check();
    this.#worker.tell({ kind: 'rebuild', file, reason: `the file is broken: ${messageOf(error)}` });
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    // The worker closes its end last, so that the file is whole behind it.
    this.#closeReader();
    this.#waiters.cancelAll();
    await this.#worker.close();
  }

  /** Whether it can be asked, up to date or not. */
  get canAnswer(): boolean {
    return this.#reader !== undefined;
  }

  #hear(message: FromWorker): void {
    const { kind } = message;
    if (kind === 'state') this.#take(message);
    else if (kind === 'made') this.#check(message.file);
    else if (kind === 'deadLettered') this.#options.telemetry.metrics.deadLetters(message.stream).inc();
    else if (kind === 'failed') this.#fail(message);
    else if (kind === 'flushed') {
      const key = JSON.stringify(message.request);
      Object.assign(this.#flushes.get(key) ?? {}, { written: message.written });
      if (!message.written) this.#flushes.delete(key);
      this.#reader?.endSnapshot();
      this.#waiters.check();
    }
  }

  #take({ state, applied }: FromWorker & { kind: 'state' }): void {
    this.#heardAt = performance.now();
    this.#state = state;
    // An answer that is still to come shows what has been said by now. A worker that was lost gives none.
    for (const [key, { written }] of this.#flushes) {
      if (written !== undefined || state === nothing) this.#flushes.delete(key);
    }
    if (applied) this.#options.telemetry.metrics.applied(applied);
    if (state.file === this.#reader?.file) this.#reader?.endSnapshot();
    else this.#read(state.file);
    this.#waiters.check();
  }

  /** Reads another file from now on, or none. One that the machine does not let it read is tried with the next state. */
  #read(file: string | undefined): void {
    this.#closeReader();
    if (file === undefined || this.#disposed) return;
    try {
      this.#reader = new ViewReader(file, this.#options.definition.open);
    } catch (error) {
      if (isEnvironmental(error)) return;
      this.#worker.tell({ kind: 'rebuild', file, reason: `the file cannot be read: ${messageOf(error)}` });
    }
  }

  #closeReader(): void {
    try {
      this.#reader?.close();
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, 'the old file cannot be closed');
    }
    this.#reader = undefined;
  }

  /** A file was just made: where the queries cannot be prepared on it, it is they that are wrong. */
  #check(file: string): void {
    const error = misfitOf(file, this.#options.definition.open);
    if (error && !isEnvironmental(error)) this.#fail(describe(error));
  }

  /** The view cannot be kept with this code. */
  #fail({ reason, stack }: { reason: string; stack: string | undefined }): void {
    if (this.#disposed) return;
    const error = new Error(`the view of ${this.#options.name} cannot be kept: ${reason}`);
    if (stack !== undefined) error.stack = `${error.name}: ${error.message}\n${stack}`;
    this.#options.log.fatal({ err: error }, 'the view cannot be kept with this code');
    this.#failure ??= error;
    this.#waiters.check();
  }
}
