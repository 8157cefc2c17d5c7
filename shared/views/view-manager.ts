/** Manages the files of a view: opens them, has their streams read into them, and replaces what cannot be trusted. */
import { mkdirSync } from 'node:fs';
import { SnapshotBucket } from '../broker/snapshot-bucket.ts';
import { messageOf } from '../operations/errors.ts';
import { isEnvironmental, removeDatabase } from './database.ts';
import { Generation } from './generation.ts';
import { SnapshotMaker } from './snapshot-maker.ts';
import { snapshotTaker } from './snapshot-taker.ts';
import { filesOf, newFile, removeOthers } from './view-file.ts';
import { type Applied, describe, type KeptView } from './view-thread.ts';

const lookEveryMs = 2000;
const tryAgainMs = 1000;

/**
 * A file that is missing, broken, modified, of another version or of another stream is built again: under another name,
 * from a snapshot where one fits, and beside the old one, which serves until then where it still says what is true.
 */
export class ViewManager implements AsyncDisposable {
  readonly #view: KeptView;
  readonly #watch: NodeJS.Timeout;
  readonly #takeSnapshot: ReturnType<typeof snapshotTaker>;
  /** Snapshots that were taken, and are not taken again: none of them can have been good, as far as is known. */
  readonly #tried = new Set<string>();
  /** Those that the view was up to date behind, and that may have been taken again: once, as a broken page may show late. */
  readonly #trusted = new Set<string>();
  readonly snapshots: SnapshotMaker;
  /** Aborted when it is disposed. */
  readonly #disposed = new AbortController();
  #serving: Generation | undefined;
  /** Of this version, while what serves is not, or was deleted. */
  #building: Generation | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closing: Promise<void>[] = [];
  #rebuilds = 0;

  constructor(view: KeptView) {
    this.#view = view;
    const bucket = new SnapshotBucket(view.name, view.connection);
    this.#takeSnapshot = snapshotTaker(view, bucket, this.#tried);
    this.snapshots = new SnapshotMaker(view, bucket, () => this.#current);
    this.#openOwn();
    this.#watch = setInterval(() => {
      this.#look();
      this.snapshots.look();
      this.#tell();
    }, lookEveryMs);
    this.#tell();
  }

  /** Throws away a file that cannot be trusted or read. Where it serves nothing is answered until there is another. */
  rebuild(file: string, reason: string): void {
    const broken = [this.#serving, this.#building].find((generation) => generation?.file === file);
    if (this.#disposed.signal.aborted || !broken) return;
    this.#view.log.warn({ file, reason }, 'the view is built again');
    const serves = broken === this.#serving;
    if (serves) {
      this.#rebuilds++;
      this.#serving = this.#building;
    }
    this.#building = undefined;
    this.#closing.push(broken.discard());
    if (!serves || !this.#serving) this.#openOwn();
    this.#tell();
  }

  flush(request: unknown): void {
    const serving = this.#serving;
    // Where the disk was full the first try may have made room.
    const written = serving !== undefined && (serving.flush(request) || serving.flush(request));
    this.#view.tell({ kind: 'flushed', request, written });
  }

  /** Stops reading and closes the files, which stay. Nobody may read from them any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort(new Error('the view was closed'));
    clearInterval(this.#watch);
    clearTimeout(this.#retry);
    const made = this.snapshots[Symbol.asyncDispose]();
    await Promise.all([made, this.#serving?.close(), this.#building?.close(), ...this.#closing]);
  }

  /** What serves, where it is of this version and up to date. */
  get #current(): Generation | undefined {
    return this.#building || !this.#serving?.caughtUp ? undefined : this.#serving;
  }

  /** Opens a file of this version: to serve, or beside one that serves. An error of the disk is tried again. */
  #openOwn(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const { folder, name, log, tell } = this.#view;
    try {
      mkdirSync(folder, { recursive: true });
      const adopted = this.#adopt(true);
      // A file of another version serves until there is one of this.
      if (!adopted?.complete) this.#serving ??= this.#adopt(false);
      const own = adopted ?? this.#make();
      if (own.complete) removeOthers(folder, name, [own.file, this.#serving?.file]);
      if (this.#serving) this.#building = own;
      else this.#serving = own;
      if (!adopted) this.#closing.push(this.#fill(own));
    } catch (error) {
      if (isEnvironmental(error)) {
        log.warn({ reason: messageOf(error) }, 'the file of the view cannot be opened, trying on');
        this.#retry = setTimeout(() => this.#openOwn(), tryAgainMs);
      } else {
        tell({ kind: 'failed', ...describe(error) });
      }
    }
  }

  /** Goes on with a file of this version, or of another that can serve, if there is one. @throws an error of the disk */
  #adopt(ofThis: boolean): Generation | undefined {
    const { folder, name, definition, log } = this.#view;
    for (const { path, version } of filesOf(folder, name)) {
      if ((version === definition.version) !== ofThis || path === this.#serving?.file) continue;
      try {
        const opened = this.#open(path);
        if (ofThis || opened.complete) {
          if (!ofThis)
            log.info({ from: version, to: definition.version }, 'a view of another version serves meanwhile');
          opened.read();
          return opened;
        }
        this.#closing.push(opened.discard());
      } catch (error) {
        if (ofThis && isEnvironmental(error)) throw error;
        log.warn({ file: path, version, reason: messageOf(error) }, 'a file of the view cannot be used');
        // One of another version may be of use to the code of that version.
        if (ofThis) removeDatabase(path);
      }
    }
    return undefined;
  }

  /** @throws Error when the migrations or the projections are wrong; an error of the disk */
  #make(): Generation {
    const { folder, name, definition, tell } = this.#view;
    const file = newFile(folder, name, definition.version);
    try {
      const made = this.#open(file);
      tell({ kind: 'made', file });
      return made;
    } catch (error) {
      removeDatabase(file);
      throw error;
    }
  }

  /** Reads the streams into a file that was just made: from a snapshot on, in another file, or else from their beginning. */
  async #fill(made: Generation): Promise<void> {
    const { folder, name, definition, log } = this.#view;
    const { signal } = this.#disposed;
    const file = newFile(folder, name, definition.version);
    const isWanted = (): boolean => !signal.aborted && (made === this.#serving || made === this.#building);
    const streams = made.streams.map(({ stream }) => stream);
    while ((await this.#takeSnapshot(file, streams, signal).catch(() => false)) && isWanted()) {
      try {
        const taken = this.#open(file, true);
        if (made === this.#serving) this.#serving = taken;
        else this.#building = taken;
        this.#closing.push(made.discard());
        taken.read();
        return this.#tell();
      } catch (error) {
        log.warn({ file, reason: messageOf(error) }, 'the file of a snapshot cannot be used');
        removeDatabase(file);
      }
    }
    if (isWanted()) made.read();
    else removeDatabase(file);
  }

  /** @throws Error as the constructor of Generation */
  #open(file: string, sound = false): Generation {
    const owner = {
      changed: (generation: Generation, applied?: Applied) => this.#changed(generation, applied),
      broken: (reason: string) => this.rebuild(file, reason),
    };
    return new Generation(file, this.#view, owner, sound);
  }

  #changed(generation: Generation, applied: Applied | undefined): void {
    if (generation === this.#building && generation.complete) {
      const { folder, name, log } = this.#view;
      if (this.#serving) this.#closing.push(this.#serving.discard());
      this.#serving = generation;
      this.#building = undefined;
      log.info({ file: generation.file }, 'the new file of the view serves');
      removeOthers(folder, name, [generation.file]);
    }
    if (this.#tried.size > 0 && this.#current) this.#trustAgain();
    if (generation === this.#serving) this.#tell(applied);
  }

  #trustAgain(): void {
    for (const id of this.#tried) {
      if (!this.#trusted.has(id)) this.#tried.delete(id);
      this.#trusted.add(id);
    }
  }

  /** Looks whether the files are as this process left them. */
  #look(): void {
    for (const generation of [this.#building, this.#serving]) {
      const look = generation?.look() ?? 'own';
      if (!generation || look === 'own') continue;
      if (look === 'modified' || generation === this.#building) {
        this.rebuild(generation.file, look === 'gone' ? 'it was deleted' : 'somebody else has changed it');
      } else if (!this.#building && !this.#retry) {
        // The open file still has all that is true: it serves until there is another.
        this.#view.log.warn({ file: generation.file }, 'the file of the view was deleted: it is built again');
        this.#rebuilds++;
        this.#openOwn();
      }
    }
  }

  #tell(applied?: Applied): void {
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
    this.#view.tell({ kind: 'state', state, applied });
  }
}
