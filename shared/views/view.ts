/** A service replica's view: the view worker keeps its file up to date, and this class reads it. */
import type { StreamPosition } from '../broker/stream-identity.ts';
import type { Telemetry } from '../observe/telemetry.ts';
import { AppError, messageOf } from '../operations/errors.ts';
import { now } from '../process/clock.ts';
import type { Logger } from '../process/log.ts';
import { isCorrupt, isEnvironmental, isSchemaMismatch } from './database.ts';
import { emptyState, errorInfo, type FromWorker, type OpenView, ViewClient, type ViewState } from './view-client.ts';
import { prepareErrorOf, type ViewDefinition, ViewReader } from './view-reader.ts';
import { Waiters } from './waiters.ts';

interface ViewOptions<Q> extends Pick<OpenView, 'name' | 'folder' | 'config'> {
  definition: ViewDefinition<Q>;
  log: Logger;
  telemetry: Telemetry;
}

/** The worker reports every two seconds, unless it is busy with a large file or its disk hangs. */
const maxSilenceMs = 15_000;

/**
 * The view of one service replica. It serves queries once it has caught up with its streams for the first time, and
 * from then on also while the broker is away or a new file is built beside the old one.
 */
export class View<Q> implements AsyncDisposable {
  readonly #options: ViewOptions<Q>;
  readonly #waiters = new Waiters();
  /** Flushes that the worker was asked for, by request. Equal requests share one until the worker's next state. */
  readonly #flushes = new Map<string, { written?: boolean }>();
  readonly #worker: ViewClient;
  #reader: ViewReader<Q> | undefined;
  /** The worker's last report. */
  #state = emptyState;
  #reportedAt = Number.NEGATIVE_INFINITY;
  /** The defect in the code because of which the view cannot be opened. */
  #failure: Error | undefined;
  #disposed = false;

  constructor(options: ViewOptions<Q>) {
    const { name, folder, definition, config, log, telemetry } = options;
    this.#options = options;
    const { instance } = telemetry;
    const view = { name, folder, module: definition.module.href, config, instance };
    this.#worker = new ViewClient(view, (message) => this.#onMessage(message), log);
  }

  /** Resolves when the view can answer queries. Rejects if the code is defective or the broker refuses its user. */
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

  /** Resolves after the first attempt to open a file. Rejects if the code is defective, such as wrong SQL. */
  get opened(): Promise<void> {
    return this.#unlessFailed(
      () => this.#reportedAt > 0,
      () => this.#failure,
    );
  }

  async #unlessFailed(condition: () => boolean, failure: () => Error | undefined): Promise<void> {
    await this.#waiters.wait(() => condition() || failure() !== undefined);
    if (!condition()) throw failure() ?? new Error('the view was closed');
  }

  /** Resolves when the view can no longer answer queries. */
  get lost(): Promise<void> {
    return this.#waiters.wait(() => !this.canAnswer).then(() => {});
  }

  /** The prepared queries. @throws AppError unavailable while no file can be read */
  get queries(): Q {
    if (this.#reader) return this.#reader.queries;
    throw new AppError('unavailable', 'The view is being built from its streams.');
  }

  /** See ViewReader.cached. @throws AppError unavailable while no file can be read; whatever `make` throws */
  cached<T>(key: string | number, make: (queries: Q) => T): T {
    return this.#reader ? this.#reader.cached(key, make) : make(this.queries);
  }

  /**
   * Whether the view has read every stream to its end since reading last (re)started. False if the worker has not
   * reported for a while or has no connection, because it would not notice new messages.
   */
  get caughtUp(): boolean {
    const { connected, streams } = this.#state;
    const follows = connected && performance.now() - this.#reportedAt < maxSilenceMs;
    return this.canAnswer && follows && streams.every(({ state }) => state === 'caughtUp');
  }

  /** What an operator has to decide before reading can continue, one message per lost stream. */
  get problems(): string[] {
    return this.#state.streams.flatMap(({ problem = [] }) => problem);
  }

  /**
   * Whether the view is known to be built from the streams that the broker has now. Commands decide only on a verified
   * view. Copies of other sites' streams do not count, because no decision depends on them alone.
   */
  get verified(): boolean {
    const { connected, streams } = this.#state;
    return connected && streams.every(({ state }) => state !== 'unverified');
  }

  /**
   * Waits until the view is verified.
   * @param deadline milliseconds since 1970
   * @throws AppError unavailable at the deadline, or at once with the problem if an operator has to solve one
   */
  async waitUntilVerified(deadline: number): Promise<void> {
    const decided = (): boolean => this.verified || this.problems.length > 0;
    await this.#waiters.wait(decided, deadline - Date.now());
    if (this.verified) return;
    throw new AppError('unavailable', this.problems[0] ?? 'The view is being compared with its streams.');
  }

  get state(): Readonly<ViewState> {
    return this.#state;
  }

  /** Returns the position in each stream, and the lag in messages and seconds, for operators. */
  status() {
    return this.#state.streams.map(({ stream, position, lag, appliedUpTo }) => ({
      stream,
      sequence: position.sequence,
      lag,
      // An upper bound for the age of the next message to apply.
      lagSeconds: lag === 0 ? 0 : Math.max(0, now() - appliedUpTo) / 1000,
    }));
  }

  /** Returns the serving file's position in a stream; undefined if the view does not read the stream. */
  position(stream: string): StreamPosition | undefined {
    return this.#state.streams.find((progress) => progress.stream === stream)?.position;
  }

  /**
   * Waits until queries show an event.
   * @param same whether the view's stream, named by its `created` (see StreamPosition), is the one that `sequence` is
   *   in; to be given if the stream may have been replaced
   * @returns false if the event is not in the view within `timeoutMs`
   */
  waitFor(stream: string, sequence: number, timeoutMs: number, same?: (created: string) => boolean): Promise<boolean> {
    const reached = (): boolean => {
      if (!this.canAnswer) return false;
      const position = this.position(stream);
      return position !== undefined && position.sequence >= sequence && (same?.(position.created) ?? true);
    };
    return this.#waiters.wait(reached, timeoutMs);
  }

  /**
   * Waits until the deferred rows that a request needs are written (Projection.flush).
   * @param request the argument for Projection.flush
   * @returns undefined if no rows are pending, so that the caller need not wait
   * @throws AppError unavailable if they are not written by the deadline, or cannot be written
   */
  flushed(request: unknown, deadline: number): Promise<void> | undefined {
    return this.#state.pending ? this.#flush(request, deadline) : undefined;
  }

  async #flush(request: unknown, deadline: number): Promise<void> {
    const key = JSON.stringify(request);
    const asked = this.#flushes.get(key) ?? {};
    if (!this.#flushes.has(key)) this.#worker.post({ kind: 'flush', request });
    this.#flushes.set(key, asked);
    await this.#waiters.wait(() => asked.written !== undefined, deadline - Date.now());
    if (!asked.written) throw new AppError('unavailable', 'The view is behind.');
  }

  /** Replaces the file if it caused a query's error. @returns whether the file or the disk caused it */
  handleQueryError(error: unknown): boolean {
    const file = this.#reader?.file;
    if (isEnvironmental(error)) {
      this.#options.log.warn({ file, reason: messageOf(error) }, 'the view cannot be read');
      return true;
    }
    if (file === undefined) return false;
    // A missing table is a defect of the query, unless the file has also lost a table that the prepared queries need.
    const { open } = this.#options.definition;
    if (!isCorrupt(error) && !(isSchemaMismatch(error) && prepareErrorOf(file, open))) return false;
    this.#closeReader();
    this.#waiters.check();
    this.#worker.post({ kind: 'rebuild', file, reason: `the file is corrupt: ${messageOf(error)}` });
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    // The worker closes the last connection, so that its final checkpoint and fingerprint are valid.
    this.#closeReader();
    this.#waiters.cancelAll();
    await this.#worker.close();
  }

  /** Whether the view can answer queries, up to date or not. */
  get canAnswer(): boolean {
    return this.#reader !== undefined;
  }

  #onMessage(message: FromWorker): void {
    const { kind } = message;
    if (kind === 'state') this.#onState(message);
    else if (kind === 'made') this.#checkQueries(message.file);
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

  #onState({ state, applied }: FromWorker & { kind: 'state' }): void {
    this.#reportedAt = performance.now();
    this.#state = state;
    // Flushes that were answered before this state may lack rows deferred since. A crashed worker answers none.
    for (const [key, { written }] of this.#flushes) {
      if (written !== undefined || state === emptyState) this.#flushes.delete(key);
    }
    if (applied) this.#options.telemetry.metrics.applied(applied);
    if (state.file === this.#reader?.file) this.#reader?.endSnapshot();
    else this.#switchTo(state.file);
    this.#waiters.check();
  }

  /** Reads another file from now on, or none. After a disk error the next state retries it. */
  #switchTo(file: string | undefined): void {
    this.#closeReader();
    if (file === undefined || this.#disposed) return;
    try {
      this.#reader = new ViewReader(file, this.#options.definition.open);
    } catch (error) {
      if (isEnvironmental(error)) return;
      this.#worker.post({ kind: 'rebuild', file, reason: `the file cannot be read: ${messageOf(error)}` });
    }
  }

  #closeReader(): void {
    try {
      this.#reader?.close();
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, 'closing the old view file failed');
    }
    this.#reader = undefined;
  }

  /** Checks the queries against a file that was just created: if they cannot be prepared on it, they are defective. */
  #checkQueries(file: string): void {
    const error = prepareErrorOf(file, this.#options.definition.open);
    if (error && !isEnvironmental(error)) this.#fail(errorInfo(error));
  }

  #fail({ reason, stack }: { reason: string; stack: string | undefined }): void {
    if (this.#disposed) return;
    const { name } = this.#options;
    const hint = /no such (table|column)|has no column/.test(reason)
      ? `. Is it misspelled? After a change of schema.ts: npm run migrations -- ${name} --name CHANGE`
      : '';
    const error = new Error(`the view of ${name} cannot be opened: ${reason}${hint}`);
    if (stack !== undefined) error.stack = `${error.name}: ${error.message}\n${stack}`;
    this.#options.log.fatal({ err: error }, 'the view cannot be opened: fix its SQL or its module');
    this.#failure ??= error;
    this.#waiters.check();
  }
}
