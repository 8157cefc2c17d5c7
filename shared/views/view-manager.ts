/** Keeps the files of a view: opens them, has their streams read into them, and replaces what cannot be trusted. */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../operations/errors.ts';
import { removeDatabase } from './database.ts';
import { Generation, type GenerationParts } from './generation.ts';
import type { Moved, Refused, ViewState } from './messages.ts';
import { isCompleteFile } from './view-file.ts';

interface ManagerOptions extends GenerationParts {
  /** Folder of the files. */
  folder: string;
}

/** Whom the keeper tells what can be read. */
export interface ManagerListener {
  /** This generation is to be read from now on, or none. When the one before is not read any more, `released` says so. */
  serve(generation: Generation | undefined, state: ViewState): void;
  state(state: ViewState): void;
  moved(moved: Moved): void;
  /** Streams are read from anew. */
  progress(generation: Generation): void;
  deadLettered(stream: string): void;
  /** It lives, with a connection to the broker or without. */
  beat(connected: boolean): void;
}

const lookEveryMs = 2000;
const tryAgainMs = 1000;
/**
 * If others write to the files again and again, something here is odd, and building again would never end: each time they
 * are left alone for longer, until there was peace for a while.
 */
const firstTouchedPauseMs = 2000;
const longestTouchedPauseMs = 60_000;
const peaceMs = 600_000;
/** A reader lets go at once: one that does not is no more. */
const releasedWithinMs = 5000;

/**
 * A file that is missing, broken, of another version or of another stream is built again: beside the old one, which
 * serves until then, where that one is still right. One that is served is closed and removed only when nobody reads it
 * any more: SQLite would mix the logs of two files of one path.
 */
export class ViewManager implements AsyncDisposable {
  readonly #options: ManagerOptions;
  readonly #listener: ManagerListener;
  readonly #watch: NodeJS.Timeout;
  readonly #forget: () => void;
  /** What is being read from, by the id of its generation. */
  readonly #read = new Map<number, PromiseWithResolvers<void>>();
  #serving: Generation | undefined;
  #building: Generation | undefined;
  #answers = false;
  #rebuilding = false;
  #retry: NodeJS.Timeout | undefined;
  #offer: NodeJS.Timeout | undefined;
  #closing: Promise<void>[] = [];
  #disposed = false;
  /** Whether files of other versions have been removed: to look for them behind every event would be a waste. */
  #alone = false;
  #touchedAt = Number.NEGATIVE_INFINITY;
  #touchedPauseMs = firstTouchedPauseMs;
  #rebuilds = 0;
  #told: ViewState | undefined;

  constructor(options: ManagerOptions, listener: ManagerListener) {
    this.#options = options;
    this.#listener = listener;
    mkdirSync(options.folder, { recursive: true });
    const target = this.#file();
    const older = isCompleteFile(target) ? undefined : this.#otherFiles().find(isCompleteFile);
    if (older !== undefined) {
      options.log.info({ from: older, to: target }, 'the view is of another version: building a new one beside it');
      this.#openOther(older);
    }
    this.#openOwn();
    const { connection } = options;
    this.#forget = connection.onReconnect(() => listener.beat(true));
    this.#watch = setInterval(() => {
      listener.beat(connection.connected);
      this.#look();
    }, lookEveryMs);
  }

  /** A generation is not read from any more. */
  released(id: number): void {
    this.#read.get(id)?.resolve();
    this.#read.delete(id);
  }

  /** A generation cannot be read from. Another file would be refused as well where the machine is to blame. */
  refused({ generation, reason, environmental }: Refused): void {
    this.released(generation);
    const serving = this.#serving;
    if (serving?.id !== generation) return;
    if (environmental) {
      this.#options.log.warn({ reason }, 'the file of the view cannot be read, trying on');
      this.#offer = setTimeout(() => this.#serving === serving && this.#serve(serving), tryAgainMs);
      return;
    }
    if (serving.file === this.#file()) {
      void this.rebuild(`the file cannot be read: ${reason}`, tryAgainMs);
      return;
    }
    this.#options.log.warn({ reason }, 'the file of another version cannot be used meanwhile');
    this.#closing.push(serving.close());
    this.#serving = undefined;
    this.#answers = false;
    const building = this.#building;
    this.#building = undefined;
    if (building) this.#serve(building);
    else this.#tell();
  }

  /**
   * Throws the file away, because what it holds cannot be trusted. Nothing is answered until a new one is there, which is
   * begun after `pauseMs`: where that one may be no better, so that it does not go on without a pause.
   */
  async rebuild(reason: string, pauseMs = 0): Promise<void> {
    if (this.#disposed || this.#rebuilding) return;
    this.#rebuilding = true;
    this.#options.log.warn({ reason }, 'the view is built again');
    this.#rebuilds++;
    this.#answers = false;
    const old = [this.#serving, this.#building].filter((generation) => generation !== undefined);
    for (const generation of old) generation.halt();
    this.#serving = undefined;
    this.#building = undefined;
    this.#listener.serve(undefined, this.#newState());
    await Promise.all(old.map(({ id }) => this.#untilReleased(id)));
    for (const generation of old) this.#closing.push(generation.discard());
    this.#rebuilding = false;
    if (this.#disposed) return;
    if (pauseMs > 0) this.#retry = setTimeout(() => this.#openOwn(), pauseMs);
    else this.#openOwn();
  }

  /** Stops reading and closes the files, which stay. Nobody may read from them any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    clearInterval(this.#watch);
    this.#forget();
    clearTimeout(this.#retry);
    clearTimeout(this.#offer);
    for (const id of this.#read.keys()) this.released(id);
    await Promise.all([this.#serving?.close(), this.#building?.close(), ...this.#closing]);
  }

  #file(): string {
    const { folder, name, definition } = this.#options;
    return join(folder, `${name}.v${definition.version}.sqlite`);
  }

  /** Files of other versions of this view, newest first. */
  #otherFiles(): string[] {
    const { folder, name } = this.#options;
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
    try {
      const opened = this.#started(Generation.openSound(this.#file(), this.#options));
      if (this.#serving) this.#building = opened;
      else this.#serve(opened);
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, 'the file of the view cannot be opened, trying on');
      this.#retry = setTimeout(() => this.#openOwn(), tryAgainMs);
    }
  }

  /** Serves from the file of another version meanwhile, where that can be done. */
  #openOther(file: string): void {
    try {
      this.#serve(this.#started(Generation.open(file, this.#options)));
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, 'the file of another version cannot be used meanwhile');
    }
  }

  #serve(generation: Generation): void {
    this.#serving = generation;
    this.#read.set(generation.id, Promise.withResolvers());
    this.#answers = generation.complete;
    this.#listener.serve(generation, this.#newState());
  }

  #started(generation: Generation): Generation {
    const listener = this.#listener;
    const served = (): boolean => generation === this.#serving;
    generation.start({
      moved: (moved) => {
        if (served()) listener.moved(moved);
      },
      behind: () => {
        if (!served()) return;
        listener.progress(generation);
        this.#tell();
      },
      caughtUp: () => this.#caughtUp(generation),
      deadLettered: listener.deadLettered,
      broken: (reason) => {
        if (served()) void this.rebuild(reason);
        if (generation !== this.#building) return;
        this.#options.log.warn({ reason }, 'the new view is built again');
        this.#building = undefined;
        this.#closing.push(generation.discard());
        this.#openOwn();
      },
    });
    return generation;
  }

  #caughtUp(generation: Generation): void {
    if (generation === this.#building) {
      const old = this.#serving;
      this.#building = undefined;
      this.#serve(generation);
      this.#options.log.info({ file: generation.file }, 'the new view serves');
      if (old) this.#closing.push(this.#untilReleased(old.id).then(() => old.discard()));
    }
    if (generation !== this.#serving) return;
    // Not while what served before may still be read.
    if (!this.#alone && this.#read.size === 1 && generation.file === this.#file()) {
      for (const file of this.#otherFiles()) removeDatabase(file);
      this.#alone = true;
    }
    this.#answers = true;
    this.#tell();
  }

  /** Waits until nobody reads from a generation; at once where nobody does. */
  async #untilReleased(id: number): Promise<void> {
    const read = this.#read.get(id);
    if (!read) return;
    const timer = setTimeout(read.resolve, releasedWithinMs);
    await read.promise;
    clearTimeout(timer);
    this.#read.delete(id);
  }

  /** Says how it stands, where that is news. */
  #tell(): void {
    const { answers, behind, rebuilds } = this.#told ?? {};
    const state = this.#newState();
    if (state.answers === answers && state.behind === behind && state.rebuilds === rebuilds) return;
    this.#listener.state(state);
  }

  #newState(): ViewState {
    const behind = this.#serving === undefined || this.#serving.behind.size > 0;
    this.#told = { answers: this.#answers, behind, rebuilds: this.#rebuilds };
    return this.#told;
  }

  /** Looks whether the file is as this process left it. */
  #look(): void {
    const serving = this.#serving;
    if (!serving || this.#retry) return;
    if (serving.fileIsGone && !this.#building) {
      // The open file still has all that is true: it serves until there is another.
      this.#options.log.warn({ file: serving.file }, 'the file of the view was deleted: it is built again');
      this.#rebuilds++;
      serving.detach();
      this.#openOwn();
      this.#tell();
    } else if (serving.fileIsTouched && this.#mayRebuildTouched()) {
      void this.rebuild('somebody else has written to its file');
    }
  }

  #mayRebuildTouched(): boolean {
    const now = performance.now();
    const since = now - this.#touchedAt;
    if (since < this.#touchedPauseMs) return false;
    this.#touchedPauseMs =
      since > peaceMs ? firstTouchedPauseMs : Math.min(this.#touchedPauseMs * 2, longestTouchedPauseMs);
    this.#touchedAt = now;
    return true;
  }
}
