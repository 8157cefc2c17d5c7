/** A view: the SQLite file that a service replica answers from, kept up to date by its streams. */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isCorrupt, removeDatabase } from './database.ts';
import { AppError, messageOf } from './errors.ts';
import type { FeedPosition } from './feed.ts';
import { Generation, type GenerationParts, isCompleteFile, type StreamStatus } from './generation.ts';
import { hasReached, type Meant, Waiters } from './waiters.ts';

export type { ViewDefinition } from './generation.ts';

interface ViewOptions<Q> extends GenerationParts<Q> {
  /** Folder of the files, or null for a view in memory. */
  folder: string | null;
}

const lookEveryMs = 2000;
const tryAgainMs = 1000;
/** If files are touched more often than this, something here is odd, and building again would never end. */
const touchedAtMostEveryMs = 60_000;

/**
 * The view of one service replica. Serves as soon as it has caught up with its streams once; after that also while
 * the broker is away. A file that is missing, broken, of another version or of another stream is built again: beside
 * the old one, which serves until then, where that one is still right.
 */
export class View<Q> implements AsyncDisposable {
  readonly #options: ViewOptions<Q>;
  readonly #waiters = new Waiters();
  #serving: Generation<Q> | undefined;
  #building: Generation<Q> | undefined;
  #answers = false;
  #canAnswer = Promise.withResolvers<void>();
  #cannotAnswer = Promise.withResolvers<void>();
  readonly #watch: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closing: Promise<void>[] = [];
  #disposed = false;
  /** Whether files of other versions have been removed: to look for them behind every event would be a waste. */
  #alone = false;
  #touchedAt = Number.NEGATIVE_INFINITY;
  rebuilds = 0;

  constructor(options: ViewOptions<Q>) {
    this.#options = options;
    if (options.folder) {
      mkdirSync(options.folder, { recursive: true });
      this.#watch = setInterval(() => this.#look(), lookEveryMs).unref();
    }
    const target = this.#file();
    const older = isCompleteFile(target) ? undefined : this.#otherFiles().find(isCompleteFile);
    if (older !== undefined) {
      options.log.info({ from: older, to: target }, 'the view is of another version: building a new one beside it');
      this.#serve(() => Generation.open(older, options));
    }
    this.#openOwn();
  }

  /** The prepared queries. @throws AppError unavailable while there is nothing to answer from. */
  get queries(): Q {
    if (this.#answers && this.#serving) return this.#serving.queries;
    throw new AppError('unavailable', 'The view is being built from its streams.');
  }

  /** Resolves when the view can answer. */
  get ready(): Promise<void> {
    return this.#canAnswer.promise;
  }

  /** Resolves when a view that could answer no longer can. */
  get lost(): Promise<void> {
    return this.#cannotAnswer.promise;
  }

  /** Whether it has caught up with every stream since it was opened, and since the last trouble with a stream. */
  get caughtUp(): boolean {
    return this.#answers && this.#serving?.behind.size === 0;
  }

  /** Position and lag for each stream. */
  status(): StreamStatus[] {
    return (this.#serving ?? this.#building)?.status() ?? [];
  }

  /** What has been taken of a stream into what answers now. */
  position(stream: string): FeedPosition | undefined {
    return this.#serving?.position(stream);
  }

  /**
   * Waits until an event is in the view. Gives false when it is not within `timeoutMs`.
   * @param meant where another stream may have come in the place of the one that the view has read
   */
  waitFor(stream: string, sequence: number, timeoutMs: number, meant?: Meant): Promise<boolean> {
    if (this.#disposed) return Promise.resolve(false);
    if (hasReached(this.position(stream), sequence, meant)) return Promise.resolve(true);
    return this.#waiters.wait(stream, sequence, timeoutMs, meant);
  }

  /** Throws the file away, because what it holds cannot be trusted. Nothing is answered until a new one is there. */
  rebuild(reason: string): void {
    if (this.#disposed) return;
    this.#options.log.warn({ reason }, 'the view is built again');
    this.rebuilds++;
    this.#setAnswers(false);
    for (const generation of [this.#serving, this.#building]) if (generation) this.#discard(generation);
    this.#serving = undefined;
    this.#building = undefined;
    this.#openOwn();
  }

  /** To be told of errors that queries meet. Gives true for a broken file, which is replaced. */
  failed(error: unknown): boolean {
    if (!isCorrupt(error)) return false;
    this.rebuild(`the file is broken: ${messageOf(error)}`);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    clearInterval(this.#watch);
    clearTimeout(this.#retry);
    this.#waiters.giveUp();
    await Promise.all([this.#serving?.close(), this.#building?.close(), ...this.#closing]);
  }

  #file(): string {
    const { folder, name, definition } = this.#options;
    return folder ? join(folder, `${name}.v${definition.version}.sqlite`) : ':memory:';
  }

  /** Files of other versions of this view, newest first. */
  #otherFiles(): string[] {
    const { folder, name } = this.#options;
    if (!folder) return [];
    const own = new RegExp(`^${name}\\.v(\\d+)\\.sqlite$`);
    return readdirSync(folder)
      .filter((file) => own.test(file))
      .sort((a, b) => Number(own.exec(b)?.[1]) - Number(own.exec(a)?.[1]))
      .map((file) => join(folder, file))
      .filter((file) => file !== this.#file());
  }

  /** Opens the file of this version: to serve, or beside one that serves. A disk that is full is tried again. */
  #openOwn(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const open = (): Generation<Q> => Generation.openSound(this.#file(), this.#options);
    try {
      if (this.#serving) this.#building = this.#started(open());
      else this.#serve(open, true);
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, 'the file of the view cannot be opened, trying on');
      this.#retry = setTimeout(() => this.#openOwn(), tryAgainMs);
    }
  }

  /** Answers from a file from now on. A file that cannot be opened is left aside, unless it is `needed`. */
  #serve(open: () => Generation<Q>, needed = false): void {
    try {
      this.#serving = this.#started(open());
      if (this.#serving.complete) this.#setAnswers(true);
    } catch (error) {
      if (needed) throw error;
      this.#options.log.warn({ reason: messageOf(error) }, 'the file of another version cannot be used meanwhile');
    }
  }

  #started(generation: Generation<Q>): Generation<Q> {
    generation.start({
      moved: (stream) => {
        if (generation === this.#serving) this.#wake(stream);
      },
      caughtUp: () => this.#caughtUp(generation),
      broken: (reason) => {
        if (generation === this.#serving) return this.rebuild(reason);
        if (generation !== this.#building) return;
        this.#options.log.warn({ reason }, 'the new view is built again');
        this.#building = undefined;
        this.#discard(generation);
        this.#openOwn();
      },
    });
    return generation;
  }

  #caughtUp(generation: Generation<Q>): void {
    if (generation === this.#building) {
      if (this.#serving) this.#discard(this.#serving);
      this.#serving = generation;
      this.#building = undefined;
      this.#options.log.info({ file: generation.file }, 'the new view serves');
      for (const { stream } of generation.status()) this.#wake(stream);
    }
    if (generation !== this.#serving) return;
    if (!this.#alone && generation.file === this.#file()) {
      for (const file of this.#otherFiles()) removeDatabase(file);
      this.#alone = true;
    }
    this.#setAnswers(true);
  }

  #wake(stream: string): void {
    const position = this.position(stream);
    if (position) this.#waiters.wake(stream, position);
  }

  #setAnswers(answers: boolean): void {
    if (answers === this.#answers) return;
    this.#answers = answers;
    if (answers) {
      this.#cannotAnswer = Promise.withResolvers();
      this.#canAnswer.resolve();
    } else {
      this.#canAnswer = Promise.withResolvers();
      this.#cannotAnswer.resolve();
    }
  }

  /** Looks whether the file is as this process left it. */
  #look(): void {
    const serving = this.#serving;
    if (!serving || this.#retry) return;
    if (serving.fileIsGone && !this.#building) {
      // The open file still has all that is true: it serves until there is another.
      this.#options.log.warn({ file: serving.file }, 'the file of the view was deleted: it is built again');
      this.rebuilds++;
      serving.detach();
      this.#openOwn();
    } else if (serving.fileIsTouched && performance.now() - this.#touchedAt > touchedAtMostEveryMs) {
      this.#touchedAt = performance.now();
      this.rebuild('somebody else has written to its file');
    }
  }

  #discard(generation: Generation<Q>): void {
    this.#closing.push(generation.discard());
  }
}
