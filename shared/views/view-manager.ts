/** Manages the files of a view: opens them, has their streams read into them, and replaces what cannot be trusted. */
import { mkdirSync } from 'node:fs';
import { messageOf } from '../operations/errors.ts';
import { isEnvironmental, removeDatabase } from './database.ts';
import { Generation, type GenerationParts } from './generation.ts';
import { describe, type FromWorker, type ViewState } from './messages.ts';
import { filesOf, newFile, removeOthers, type ViewFile } from './view-file.ts';

interface ManagerOptions extends GenerationParts {
  /** Folder of the files. */
  folder: string;
  /** Tells those who answer from the view. */
  tell(message: FromWorker): void;
}

const lookEveryMs = 2000;
const tryAgainMs = 1000;
/**
 * If files are modified again and again something here is odd, and building would never end: each time they are left alone
 * for longer, until there was peace for a while.
 */
const firstPauseMs = 2000;
const longestPauseMs = 60_000;
const peaceMs = 600_000;

/**
 * A file that is missing, broken, modified, of another version or of another stream is built again: under another name,
 * and beside the old one, which serves until then where it still says what is true.
 */
export class ViewManager implements AsyncDisposable {
  readonly #options: ManagerOptions;
  readonly #watch: NodeJS.Timeout;
  readonly #forget: () => void;
  #serving: Generation | undefined;
  #building: Generation | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closing: Promise<void>[] = [];
  #disposed = false;
  #rebuilds = 0;
  #told: ViewState | undefined;
  #replacedAt = Number.NEGATIVE_INFINITY;
  #pauseMs = firstPauseMs;
  /** Whether other files have been removed: to look for them behind every event would be a waste. */
  #alone = false;

  /** @throws Error when the folder cannot be made or read */
  constructor(options: ManagerOptions) {
    this.#options = options;
    const { folder, name, definition, connection } = options;
    mkdirSync(folder, { recursive: true });
    const complete = filesOf(folder, name).filter((file) => file.complete);
    const [newest] = complete;
    if (newest && complete.every(({ version }) => version !== definition.version)) this.#openOlder(newest);
    this.#openOwn();
    this.#forget = connection.onReconnect(() => this.#tellState());
    this.#watch = setInterval(() => {
      this.#tellState();
      this.#look();
    }, lookEveryMs);
  }

  /**
   * Throws away what is served, because it cannot be trusted or read. Nothing is answered until there is another file.
   * @param file that is meant, where another may have come in its place meanwhile
   */
  rebuild(reason: string, file = this.#serving?.file): void {
    const serving = this.#serving;
    if (this.#disposed || !serving || serving.file !== file) return;
    this.#options.log.warn({ file, reason }, 'the view is built again');
    this.#rebuilds++;
    const building = this.#building;
    this.#building = undefined;
    this.#serve(building);
    this.#closing.push(serving.discard());
    if (!building) this.#openOwn();
  }

  /** Somebody wants to read rows that are still to be written. */
  flush(): void {
    const serving = this.#serving;
    if (serving) this.#options.tell({ kind: 'flushed', file: serving.file, pending: !serving.flush() });
  }

  /** Stops reading and closes the files, which stay. Nobody may read from them any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    clearInterval(this.#watch);
    clearTimeout(this.#retry);
    this.#forget();
    await Promise.all([this.#serving?.close(), this.#building?.close(), ...this.#closing]);
  }

  /** Opens a file of this version: to serve, or beside one that serves. An error of the disk is tried again. */
  #openOwn(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const { log, tell } = this.#options;
    try {
      const opened = this.#start(this.#adopt() ?? this.#make());
      if (this.#serving) this.#building = opened;
      else this.#serve(opened);
    } catch (error) {
      if (isEnvironmental(error)) {
        log.warn({ reason: messageOf(error) }, 'the file of the view cannot be opened, trying on');
        this.#retry = setTimeout(() => this.#openOwn(), tryAgainMs);
      } else {
        tell({ kind: 'failed', ...describe(error), retry: false });
      }
    }
  }

  /** Goes on with a file of this version, if there is one that can be used. @throws an error of the disk */
  #adopt(): Generation | undefined {
    const { folder, name, definition, log } = this.#options;
    for (const { path, version } of filesOf(folder, name)) {
      if (version !== definition.version || path === this.#serving?.file) continue;
      try {
        return Generation.open(path, this.#options);
      } catch (error) {
        if (isEnvironmental(error)) throw error;
        log.warn({ file: path, reason: messageOf(error) }, 'the file cannot be used and is built again');
        removeDatabase(path);
      }
    }
    return undefined;
  }

  /** @throws Error when the migrations or the projections are wrong; an error of the disk */
  #make(): Generation {
    const { folder, name, definition, tell } = this.#options;
    const file = newFile(folder, name, definition.version);
    try {
      const made = Generation.open(file, this.#options);
      tell({ kind: 'made', file });
      return made;
    } catch (error) {
      removeDatabase(file);
      throw error;
    }
  }

  /** Serves from a file of another version until there is one of this. */
  #openOlder({ path, version }: ViewFile): void {
    const { log, definition } = this.#options;
    try {
      this.#serve(this.#start(Generation.open(path, this.#options)));
      log.info(
        { from: version, to: definition.version },
        'the view is of another version: building a new one beside it',
      );
    } catch (error) {
      log.warn({ file: path, reason: messageOf(error) }, 'the file of another version cannot be used meanwhile');
    }
  }

  #serve(generation: Generation | undefined): void {
    this.#serving = generation;
    this.#options.tell({ kind: 'serve', served: generation?.served() ?? null, state: this.#newState() });
  }

  #start(generation: Generation): Generation {
    generation.start({
      tell: (message) => {
        if (generation === this.#serving || message.kind === 'deadLettered') this.#options.tell(message);
      },
      behind: () => this.#tellNews(),
      caughtUp: () => this.#caughtUp(generation),
      broken: (reason) => {
        if (generation === this.#serving) this.rebuild(reason);
        else this.#replaceBuilding(generation, reason);
      },
    });
    return generation;
  }

  #replaceBuilding(generation: Generation, reason: string): void {
    if (generation !== this.#building || this.#disposed) return;
    this.#options.log.warn({ reason }, 'the new file of the view is built again');
    this.#building = undefined;
    this.#closing.push(generation.discard());
    this.#openOwn();
  }

  #caughtUp(generation: Generation): void {
    const { folder, name, log } = this.#options;
    if (generation === this.#building) {
      const old = this.#serving;
      this.#building = undefined;
      this.#serve(generation);
      log.info({ file: generation.file }, 'the new file of the view serves');
      if (old) this.#closing.push(old.discard());
    }
    if (!this.#alone && generation === this.#serving && !this.#building) {
      removeOthers(folder, name, [generation.file]);
      this.#alone = true;
    }
    this.#tellNews();
  }

  /** Looks whether the files are as this process left them. */
  #look(): void {
    const { log } = this.#options;
    const serving = this.#serving?.look();
    const building = this.#building?.look();
    if (building !== undefined && building !== 'own') {
      if (this.#mayReplace()) this.#replaceBuilding(this.#building as Generation, `the file is ${building}`);
    } else if (serving === 'modified') {
      if (this.#mayReplace()) this.rebuild('somebody else has changed its file');
    } else if (serving === 'gone' && !this.#building && !this.#retry) {
      // The open file still has all that is true: it serves until there is another.
      log.warn({ file: this.#serving?.file }, 'the file of the view was deleted: it is built again');
      this.#rebuilds++;
      this.#openOwn();
      this.#tellNews();
    }
  }

  #mayReplace(): boolean {
    const now = performance.now();
    const since = now - this.#replacedAt;
    if (since < this.#pauseMs) return false;
    this.#pauseMs = since > peaceMs ? firstPauseMs : Math.min(this.#pauseMs * 2, longestPauseMs);
    this.#replacedAt = now;
    return true;
  }

  #tellState(): void {
    this.#options.tell({ kind: 'state', state: this.#newState() });
  }

  /** Says how it stands, where that is news. */
  #tellNews(): void {
    const { answers, behind, rebuilds } = this.#told ?? {};
    const state = this.#newState();
    const same = state.answers === answers && state.behind === behind && state.rebuilds === rebuilds;
    if (!same) this.#options.tell({ kind: 'state', state });
  }

  #newState(): ViewState {
    const { complete: answers = false, behind = true } = this.#serving ?? {};
    const { connected, refusals } = this.#options.connection;
    this.#told = { answers, behind, connected, refused: refusals.all, rebuilds: this.#rebuilds };
    return this.#told;
  }
}
