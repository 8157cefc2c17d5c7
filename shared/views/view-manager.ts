/** Manages the files of a view: opens them, has streams read into them, and replaces those that cannot be trusted. */
import { mkdirSync } from 'node:fs';
import { SnapshotBucket } from '../broker/snapshot-bucket.ts';
import { messageOf } from '../operations/errors.ts';
import { isEnvironmental, removeDatabase } from './database.ts';
import { Generation } from './generation.ts';
import { snapshotLoader } from './snapshot-loader.ts';
import { SnapshotMaker } from './snapshot-maker.ts';
import { type Applied, errorInfo, type ViewContext } from './view-client.ts';
import { filesOf, newFile, removeOthers } from './view-file.ts';

const checkIntervalMs = 2000;
const retryMs = 1000;

/**
 * Replaces a file that is missing, corrupt, modified, of another version or of another stream by a new one, built from
 * a snapshot if one fits. Meanwhile the old file serves if its content is still right.
 */
export class ViewManager implements AsyncDisposable {
  readonly #view: ViewContext;
  readonly #timer: NodeJS.Timeout;
  readonly #loadSnapshot: ReturnType<typeof snapshotLoader>;
  /** Ids of snapshots that were tried and must not be loaded again, since they may be what was wrong with the file. */
  readonly #tried = new Set<string>();
  /** Ids of snapshots with which the view has caught up. They may be loaded twice only, as a bad page may show late. */
  readonly #trusted = new Set<string>();
  readonly snapshots: SnapshotMaker;
  readonly #disposed = new AbortController();
  #serving: Generation | undefined;
  /** The file that will replace the serving one, which is of another version or was deleted. */
  #building: Generation | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closing: Promise<void>[] = [];
  #rebuilds = 0;

  constructor(view: ViewContext) {
    this.#view = view;
    const bucket = new SnapshotBucket(view.name, view.connection);
    this.#loadSnapshot = snapshotLoader(view, bucket, this.#tried);
    this.snapshots = new SnapshotMaker(view, bucket, () => this.#current);
    this.#openCurrentVersion();
    this.#timer = setInterval(() => {
      this.#checkFiles();
      this.snapshots.makeIfDue();
      this.#postState();
    }, checkIntervalMs);
    this.#postState();
  }

  /** Discards a file that cannot be trusted or read. If it was serving, queries fail until another file is complete. */
  rebuild(file: string, reason: string): void {
    const broken = [this.#serving, this.#building].find((generation) => generation?.file === file);
    if (this.#disposed.signal.aborted || !broken) return;
    this.#view.log.warn({ file, reason }, 'rebuilding the view');
    const serves = broken === this.#serving;
    if (serves) {
      this.#rebuilds++;
      this.#serving = this.#building;
    }
    this.#building = undefined;
    this.#closing.push(broken.discard());
    if (!serves || !this.#serving) this.#openCurrentVersion();
    this.#postState();
  }

  /** Writes the deferred rows that a request needs, and reports the result to the client. */
  flush(request: unknown): void {
    const serving = this.#serving;
    // On a full disk the first attempt may have freed space.
    const written = serving !== undefined && (serving.flush(request) || serving.flush(request));
    this.#view.post({ kind: 'flushed', request, written });
  }

  /** Stops reading and closes the files without removing them. Readers must have closed theirs before. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort(new Error('the view was closed'));
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    const made = this.snapshots[Symbol.asyncDispose]();
    await Promise.all([made, this.#serving?.close(), this.#building?.close(), ...this.#closing]);
  }

  /** The serving generation if it is of the current version and up to date. */
  get #current(): Generation | undefined {
    return this.#building || !this.#serving?.caughtUp ? undefined : this.#serving;
  }

  /** Opens or creates a file of the current version, beside a serving one if any. Retries after a disk error. */
  #openCurrentVersion(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const { folder, name, log, post } = this.#view;
    try {
      mkdirSync(folder, { recursive: true });
      const existing = this.#openExisting('current');
      // A complete file of another version serves until one of the current version is complete.
      if (!existing?.complete) this.#serving ??= this.#openExisting('other');
      const opened = existing ?? this.#create();
      if (opened.complete) removeOthers(folder, name, [opened.file, this.#serving?.file], log);
      if (this.#serving) this.#building = opened;
      else this.#serving = opened;
      if (!existing) this.#closing.push(this.#fill(opened));
    } catch (error) {
      if (isEnvironmental(error)) {
        log.warn({ reason: messageOf(error) }, 'opening the view file failed; retrying');
        this.#retry = setTimeout(() => this.#openCurrentVersion(), retryMs);
      } else {
        post({ kind: 'failed', ...errorInfo(error) });
      }
    }
  }

  /** Opens a usable file of the current version, or a complete one of another. @throws Error if the disk fails */
  #openExisting(wanted: 'current' | 'other'): Generation | undefined {
    const { folder, name, definition, log } = this.#view;
    const isCurrent = wanted === 'current';
    for (const { path, version } of filesOf(folder, name)) {
      if ((version === definition.version) !== isCurrent || path === this.#serving?.file) continue;
      try {
        const opened = this.#open(path);
        if (isCurrent || opened.complete) {
          if (!isCurrent)
            log.info({ from: version, to: definition.version }, 'serving a view of another version during the build');
          opened.startReading();
          return opened;
        }
        this.#closing.push(opened.discard());
      } catch (error) {
        if (isCurrent && isEnvironmental(error)) throw error;
        log.warn({ file: path, version, reason: messageOf(error) }, 'a view file cannot be used');
        // A file of another version is kept, because the code of that version may be able to use it.
        if (isCurrent) removeDatabase(path);
      }
    }
    return undefined;
  }

  /** @throws Error if the migrations or the projections are defective, or the disk fails */
  #create(): Generation {
    const { folder, name, definition, post } = this.#view;
    const file = newFile(folder, name, definition.version);
    try {
      const made = this.#open(file);
      post({ kind: 'made', file });
      return made;
    } catch (error) {
      removeDatabase(file);
      throw error;
    }
  }

  /** Replaces a new, empty file by one loaded from a snapshot, if there is one, and starts reading the streams. */
  async #fill(made: Generation): Promise<void> {
    const { folder, name, definition, log } = this.#view;
    const { signal } = this.#disposed;
    const file = newFile(folder, name, definition.version);
    const isWanted = (): boolean => !signal.aborted && (made === this.#serving || made === this.#building);
    const streams = made.streams.map(({ stream }) => stream);
    while ((await this.#loadSnapshot(file, streams, signal).catch(() => false)) && isWanted()) {
      try {
        const loaded = this.#open(file, true);
        if (made === this.#serving) this.#serving = loaded;
        else this.#building = loaded;
        this.#closing.push(made.discard());
        loaded.startReading();
        return this.#postState();
      } catch (error) {
        log.warn({ file, reason: messageOf(error) }, 'the file of a snapshot cannot be used');
        removeDatabase(file);
      }
    }
    if (isWanted()) made.startReading();
    else removeDatabase(file);
  }

  /** @throws Error like the constructor of Generation */
  #open(file: string, verified = false): Generation {
    const owner = {
      changed: (generation: Generation, applied?: Applied) => this.#onChange(generation, applied),
      broken: (reason: string) => this.rebuild(file, reason),
    };
    return new Generation(file, this.#view, owner, verified);
  }

  #onChange(generation: Generation, applied: Applied | undefined): void {
    if (generation === this.#building && generation.complete) {
      const { folder, name, log } = this.#view;
      if (this.#serving) this.#closing.push(this.#serving.discard());
      this.#serving = generation;
      this.#building = undefined;
      log.info({ file: generation.file }, 'the new view file is complete and serves');
      removeOthers(folder, name, [generation.file], log);
    }
    if (this.#tried.size > 0 && this.#current) this.#trustTried();
    if (generation === this.#serving) this.#postState(applied);
  }

  /** Allows the snapshots tried so far to be loaded once more, because the view has caught up since. */
  #trustTried(): void {
    for (const id of this.#tried) {
      if (!this.#trusted.has(id)) this.#tried.delete(id);
      this.#trusted.add(id);
    }
  }

  /** Replaces files that were modified or deleted by other programs. */
  #checkFiles(): void {
    for (const generation of [this.#building, this.#serving]) {
      const status = generation?.checkFiles() ?? 'unchanged';
      if (!generation || status === 'unchanged') continue;
      if (status === 'modified' || generation === this.#building) {
        this.rebuild(generation.file, status === 'deleted' ? 'it was deleted' : 'it was modified by another program');
      } else if (!this.#building && !this.#retry) {
        // The open file still holds all data, so it serves until the new one is complete.
        this.#view.log.warn({ file: generation.file }, 'the view file was deleted; rebuilding it');
        this.#rebuilds++;
        this.#openCurrentVersion();
      }
    }
  }

  #postState(applied?: Applied): void {
    const { file, complete = false, streams = [], pending = 0 } = this.#serving ?? {};
    const { connected, refusals } = this.#view.connection;
    const state = {
      file: complete ? file : undefined,
      streams,
      pending: pending > 0,
      connected,
      refused: refusals.all,
      rebuilds: this.#rebuilds,
      finishing: (this.#building ?? this.#serving)?.finishing,
      snapshot: this.snapshots.state,
    };
    this.#view.post({ kind: 'state', state, applied });
  }
}
