/**
 * Notices when somebody else has changed the files of a database.
 *
 * In WAL mode the main file is written by checkpoints alone, and they are all made here, so its size and time behind the
 * last one are known. Each also writes a random token into the file's header (as `user_version`): an older copy has
 * another one, whatever its time. All that is kept in a file beside it, for the next start.
 */
import { randomInt } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { type Database, isEnvironmental, openDatabase, removeDatabase } from './database.ts';

/** What is kept beside a file. */
interface Mark {
  /** Size and time of the main file; null while a checkpoint is being made. */
  stat: string | null;
  /** What `user_version` is; one of two while a checkpoint is being made. */
  tokens: number[];
  /** What the main file says of it while its log may say another. */
  header?: number;
  /** Whether it is open, and has a log. */
  open: boolean;
}

/** `gone` where a file was deleted: what is open still holds everything. */
export type Look = 'own' | 'gone' | 'modified';

const modified = 'somebody else has changed the file';
const maxToken = 2 ** 31 - 1;
const suffixes = ['', '-wal', '-shm'];
/** In the header of a database file. */
const userVersionAt = 60;
/** In the log: its header, and that of a frame, which ends with the salts of the log and a checksum of all up to there. */
const logHeaderBytes = 32;
const frameHeaderBytes = 24;

/** A database whose files are watched from before it is opened until it is closed. */
export class WatchedDatabase {
  readonly db: Database;
  readonly #file: string;
  /** Of the main file, as this process left it. */
  #stat = '';
  /** In the main file, and in the database: a checkpoint that a reader holds up leaves the header as it was. */
  #headerToken = 0;
  #token = 0;
  #inodes = '';
  #dataVersion: unknown;
  /** What the last checkpoint copied in a millisecond. */
  #pagesInMs = Number.POSITIVE_INFINITY;
  /** Of the file, its log, and SQLite's index of it. Not closed before the database: that would end SQLite's locks on them. */
  #descriptors: number[] = [];

  /**
   * Opens a file, made where it is missing: all its checkpoints are made here from now on.
   * @param sound it is known to be, so that it need not be read from end to end
   * @throws Error when it is damaged, or somebody else has changed it or its log since it was last open.
   */
  constructor(file: string, sound = false) {
    this.#file = file;
    const mark = markOf(file);
    this.db = openDatabase(file);
    try {
      this.#begin(mark, sound);
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  #begin(mark: Mark | undefined, sound: boolean): void {
    this.#pragma('wal_autocheckpoint = 0');
    this.#token = this.#pragma('user_version') as number;
    if (mark && !mark.tokens.includes(this.#token)) throw new Error(modified);
    const known = sound || typeof mark?.stat === 'string';
    if (!known && this.#pragma('quick_check(1)') !== 'ok') throw new Error('the file is damaged');
    for (const suffix of suffixes) this.#descriptors.push(openSync(this.#file + suffix, 'r'));
    this.#dataVersion = this.#pragma('data_version');
    this.#note();
    if (mark?.header !== undefined && mark.header !== this.#headerToken) throw new Error(modified);
    this.#inodes = this.#inodesNow();
    this.checkpoint();
  }

  /**
   * To be called behind each transaction: makes a checkpoint when the log has `most` pages, or so many that it takes `withinMs`
   * as the last one did, but not for less than a quarter of `most`. Never throws.
   */
  committed(most: number, withinMs = Number.POSITIVE_INFINITY): void {
    try {
      const { log, checkpointed } = this.#checkpoint('NOOP');
      const pages = log - checkpointed;
      if (pages < Math.min(most, Math.max(most / 4, withinMs * this.#pagesInMs))) return;
      const startedAt = performance.now();
      this.checkpoint();
      this.#pagesInMs = pages / (performance.now() - startedAt);
    } catch {
      // A full disk: the log still holds everything, and the next transactions try again.
    }
  }

  /** Copies the log into the main file, unless it is not ours any more. @throws an error of SQLite or the disk. */
  checkpoint(mode: 'PASSIVE' | 'TRUNCATE' = 'PASSIVE'): void {
    const look = this.look();
    if (look === 'gone') this.#checkpoint(mode);
    if (look !== 'own') return;
    this.#writeToken();
    // What takes its time comes before the last look, since nobody can tell who writes to the file during a checkpoint.
    fsyncSync(this.#descriptors[1] as number);
    if (!this.#mainFileIsOwn()) return;
    let whole = false;
    try {
      const { log, checkpointed } = this.#checkpoint(mode);
      whole = log === checkpointed;
    } finally {
      // A reader or a full disk may hold it up halfway, with the header as it was. With another token somebody else wrote to
      // the file: what is known stays as it is, so that every look sees that.
      const token = this.#readToken();
      if (token === this.#token || (!whole && token === this.#headerToken)) this.#note();
    }
    this.#keep({ stat: this.#stat, tokens: [this.#token], header: this.#headerToken, open: true });
  }

  /** Makes room on a full disk, if it can: where not the log still holds everything, and whoever is refused next tries again. */
  relieve(): void {
    try {
      this.checkpoint('TRUNCATE');
    } catch {
      // There is no room for that either.
    }
  }

  /** How the files are, as against how this process left them. */
  look(): Look {
    try {
      const inodes = this.#inodesNow();
      if (inodes.includes('none')) return 'gone';
      const own = inodes === this.#inodes && this.#pragma('data_version') === this.#dataVersion;
      return own && this.#mainFileIsOwn() && this.#logIsOwn() ? 'own' : 'modified';
    } catch (error) {
      if (!isEnvironmental(error)) throw error;
      // A file was deleted this very moment, or the disk hangs: the next look tells.
      return 'own';
    }
  }

  /** @throws Error when it is not the database that was opened */
  requireOwn(): void {
    if (this.look() === 'modified') throw new Error(modified);
  }

  /** Closes the database, and keeps its fingerprint. */
  close(): void {
    try {
      this.checkpoint('TRUNCATE');
    } catch (error) {
      if (!isEnvironmental(error)) throw error;
    } finally {
      const own = this.look() === 'own';
      this.abandon();
      if (own) this.#keep({ stat: statOf(this.#file) ?? '', tokens: [this.#token], open: false });
    }
  }

  /** Closes the database without a look at its files. */
  abandon(): void {
    this.db.$client.close();
    for (const descriptor of this.#descriptors.splice(0)) closeSync(descriptor);
  }

  #writeToken(): void {
    const token = randomInt(1, maxToken);
    this.#keep({ stat: null, tokens: [this.#token, token], open: true });
    try {
      this.#pragma(`user_version = ${token}`);
      this.#token = token;
    } catch (error) {
      // A full disk: the checkpoint makes room, with the token of before.
      if (!isEnvironmental(error)) throw error;
    }
  }

  #note(): void {
    this.#stat = statOf(this.#file) ?? '';
    this.#headerToken = this.#readToken();
  }

  #mainFileIsOwn(): boolean {
    return statOf(this.#file) === this.#stat && this.#readToken() === this.#headerToken;
  }

  /** Whether the last frame of the log is the one that SQLite's index of it says. */
  #logIsOwn(): boolean {
    const index = this.#read(2, 40, 0);
    const frames = index.readUInt32LE(16);
    if (frames === 0) return true;
    const frameBytes = frameHeaderBytes + (this.#pragma('page_size') as number);
    const last = this.#read(1, frameHeaderBytes, logHeaderBytes + (frames - 1) * frameBytes);
    const checksums = [0, 4].every((at) => index.readUInt32LE(24 + at) === last.readUInt32BE(16 + at));
    return checksums && index.subarray(32, 40).equals(last.subarray(8, 16));
  }

  #readToken(): number {
    return this.#read(0, 4, userVersionAt).readInt32BE();
  }

  /** Zeros where the file is shorter. */
  #read(which: 0 | 1 | 2, length: number, at: number): Buffer {
    const bytes = Buffer.alloc(length);
    readSync(this.#descriptors[which] as number, bytes, 0, length, at);
    return bytes;
  }

  #inodesNow(): string {
    const inodes = suffixes.map((suffix) => statSync(this.#file + suffix, { throwIfNoEntry: false })?.ino ?? 'none');
    return inodes.join(' ');
  }

  #pragma(text: string): unknown {
    return this.db.$client.pragma(text, { simple: true });
  }

  /** Gives the pages of the log, and how many of them are in the main file. NOOP only asks. */
  #checkpoint(mode: 'NOOP' | 'PASSIVE' | 'TRUNCATE'): { log: number; checkpointed: number } {
    const [state] = this.db.$client.pragma(`wal_checkpoint(${mode})`) as { log: number; checkpointed: number }[];
    return state ?? { log: 0, checkpointed: 0 };
  }

  /** Written by rename: whoever is killed meanwhile leaves a whole one. */
  #keep(mark: Mark): void {
    try {
      writeFileSync(`${this.#file}.mark-new`, JSON.stringify(mark));
      renameSync(`${this.#file}.mark-new`, `${this.#file}.mark`);
    } catch {
      // A full disk: without a fingerprint the next start checks the whole file.
      for (const suffix of ['.mark-new', '.mark']) rmSync(this.#file + suffix, { force: true });
    }
  }
}

/** What was kept beside a file; undefined where there is nothing. @throws Error when the file is another than it says. */
function markOf(file: string): Mark | undefined {
  const stat = statOf(file);
  if (stat === undefined) {
    // What was beside a file that is gone belongs to nothing.
    removeDatabase(file);
    return undefined;
  }
  let mark: Mark;
  try {
    mark = JSON.parse(readFileSync(`${file}.mark`, 'utf8')) as Mark;
  } catch {
    return undefined;
  }
  const log = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size;
  const logFits = mark.open ? log !== undefined : !log;
  if (!logFits || (mark.stat !== null && mark.stat !== stat)) throw new Error(modified);
  return mark;
}

/** To the millisecond: Deno knows no more, and the next start may be on the other runtime. */
function statOf(file: string): string | undefined {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat && `${stat.size} ${stat.mtimeMs}`;
}
