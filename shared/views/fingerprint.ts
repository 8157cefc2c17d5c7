/**
 * Detects external changes to the files of a database.
 *
 * In WAL mode only checkpoints write the main file. This class makes all of them, so it knows the file's size and
 * modification time after the last one. Each checkpoint also writes a random token into the file's header (as
 * `user_version`), so that an older copy is recognized even if its size and time match. This fingerprint is stored in a
 * `.mark` file beside the database and is checked at the next start.
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

/** The fingerprint of a database, as stored in its `.mark` file. */
interface Fingerprint {
  /** Size and modification time of the main file; null while a checkpoint is in progress. */
  stat: string | null;
  /** The possible values of `user_version`: two while a checkpoint is in progress, otherwise one. */
  tokens: number[];
  /** `user_version` in the header of the main file; the database's may be another one that is still in the WAL. */
  header?: number;
  /** Whether the database is open and therefore has a WAL. */
  open: boolean;
}

/** The files compared with how this process left them. After a deletion the open descriptors still hold all data. */
export type FileStatus = 'unchanged' | 'deleted' | 'modified';

const modified = 'the file was modified by another program';
const maxToken = 2 ** 31 - 1;
const suffixes = ['', '-wal', '-shm'];
/** Offset of `user_version` in the header of a database file. */
const userVersionOffset = 60;
/** Header sizes in the WAL. A frame header ends with the WAL's salts and a checksum of everything up to that frame. */
const walHeaderBytes = 32;
const frameHeaderBytes = 24;

/** A database whose files are checked for external changes from its opening until it is closed. */
export class WatchedDatabase {
  readonly db: Database;
  readonly #file: string;
  /** Size and time of the main file as this process left it. */
  #stat = '';
  /** Token in the header of the main file. It differs from `#token` after an incomplete checkpoint. */
  #headerToken = 0;
  /** Token in the database, WAL included. */
  #token = 0;
  #inodes = '';
  #dataVersion: unknown;
  /** Speed of the last checkpoint. */
  #pagesPerMs = Number.POSITIVE_INFINITY;
  /** Of main file, WAL and shared memory. Closed after the database, because closing one drops SQLite's locks on it. */
  #descriptors: number[] = [];

  /**
   * Opens a file, creating it if it is missing. From then on only this class makes checkpoints.
   * @param verified whether the file's digest has been checked, so that the full integrity check can be skipped
   * @throws Error if the file is damaged, or if it or its WAL was modified since it was last open
   */
  constructor(file: string, verified = false) {
    this.#file = file;
    const stored = readFingerprint(file);
    this.db = openDatabase(file);
    try {
      this.#begin(stored, verified);
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  #begin(stored: Fingerprint | undefined, verified: boolean): void {
    this.#pragma('wal_autocheckpoint = 0');
    this.#token = this.#pragma('user_version') as number;
    if (stored && !stored.tokens.includes(this.#token)) throw new Error(modified);
    const intact = verified || typeof stored?.stat === 'string';
    if (!intact && this.#pragma('quick_check(1)') !== 'ok') throw new Error('the file is damaged');
    for (const suffix of suffixes) this.#descriptors.push(openSync(this.#file + suffix, 'r'));
    this.#dataVersion = this.#pragma('data_version');
    this.#recordMainFile();
    if (stored?.header !== undefined && stored.header !== this.#headerToken) throw new Error(modified);
    this.#inodes = this.#currentInodes();
    this.checkpoint();
  }

  /**
   * Makes a checkpoint once the WAL has `maxPages` pages, or enough to take `maxMs` at the speed of the last
   * checkpoint, but at least a quarter of `maxPages`. To be called after each transaction. Never throws.
   */
  checkpointIfDue(maxPages: number, maxMs = Number.POSITIVE_INFINITY): void {
    try {
      const { log, checkpointed } = this.#checkpoint('NOOP');
      const pages = log - checkpointed;
      if (pages < Math.min(maxPages, Math.max(maxPages / 4, maxMs * this.#pagesPerMs))) return;
      const startedAt = performance.now();
      this.checkpoint();
      this.#pagesPerMs = pages / (performance.now() - startedAt);
    } catch {
      // The disk is full. The WAL still holds everything, and the next transaction tries again.
    }
  }

  /** Copies the WAL into the main file unless it was modified externally. @throws an error of SQLite or the disk */
  checkpoint(mode: 'PASSIVE' | 'TRUNCATE' = 'PASSIVE'): void {
    const status = this.status();
    if (status === 'deleted') this.#checkpoint(mode);
    if (status !== 'unchanged') return;
    this.#writeToken();
    // The slow sync comes before the last comparison, because external writes between that and the end go undetected.
    fsyncSync(this.#descriptors[1] as number);
    if (!this.#mainFileUnchanged()) return;
    let completed = false;
    try {
      const { log, checkpointed } = this.#checkpoint(mode);
      completed = log === checkpointed;
    } finally {
      // A reader or a full disk can stop a checkpoint halfway, before it writes the header. Any other token was written
      // externally: then the recorded state stays as it is, so that every later comparison reports the modification.
      const token = this.#readToken();
      if (token === this.#token || (!completed && token === this.#headerToken)) this.#recordMainFile();
    }
    this.#saveFingerprint({ stat: this.#stat, tokens: [this.#token], header: this.#headerToken, open: true });
  }

  /** Tries to free space on a full disk by truncating the WAL. On failure the WAL still holds everything. */
  checkpointOnFullDisk(): void {
    try {
      this.checkpoint('TRUNCATE');
    } catch {
      // There is no space for the checkpoint either.
    }
  }

  /** Compares the files with how this process left them. */
  status(): FileStatus {
    try {
      const inodes = this.#currentInodes();
      if (inodes.includes('none')) return 'deleted';
      const same = inodes === this.#inodes && this.#pragma('data_version') === this.#dataVersion;
      return same && this.#mainFileUnchanged() && this.#walUnchanged() ? 'unchanged' : 'modified';
    } catch (error) {
      if (!isEnvironmental(error)) throw error;
      // A file was deleted during the comparison, or the disk hangs. The next call shows which.
      return 'unchanged';
    }
  }

  /** @throws Error if the files were modified externally */
  requireUnmodified(): void {
    if (this.status() === 'modified') throw new Error(modified);
  }

  /** Closes the database and saves its fingerprint. */
  close(): void {
    try {
      this.checkpoint('TRUNCATE');
    } catch (error) {
      if (!isEnvironmental(error)) throw error;
    } finally {
      const unchanged = this.status() === 'unchanged';
      this.abandon();
      if (unchanged) this.#saveFingerprint({ stat: statOf(this.#file) ?? '', tokens: [this.#token], open: false });
    }
  }

  /** Closes the database without a checkpoint and without saving its fingerprint. */
  abandon(): void {
    this.db.$client.close();
    for (const descriptor of this.#descriptors.splice(0)) closeSync(descriptor);
  }

  #writeToken(): void {
    const token = randomInt(1, maxToken);
    this.#saveFingerprint({ stat: null, tokens: [this.#token, token], open: true });
    try {
      this.#pragma(`user_version = ${token}`);
      this.#token = token;
    } catch (error) {
      // The disk is full. The checkpoint keeps the previous token and frees space.
      if (!isEnvironmental(error)) throw error;
    }
  }

  #recordMainFile(): void {
    this.#stat = statOf(this.#file) ?? '';
    this.#headerToken = this.#readToken();
  }

  #mainFileUnchanged(): boolean {
    return statOf(this.#file) === this.#stat && this.#readToken() === this.#headerToken;
  }

  /** Returns whether the last frame of the WAL is the one that the WAL index in the shared memory file describes. */
  #walUnchanged(): boolean {
    const index = this.#read(2, 40, 0);
    const frames = index.readUInt32LE(16);
    if (frames === 0) return true;
    const frameBytes = frameHeaderBytes + (this.#pragma('page_size') as number);
    const last = this.#read(1, frameHeaderBytes, walHeaderBytes + (frames - 1) * frameBytes);
    const checksums = [0, 4].every((at) => index.readUInt32LE(24 + at) === last.readUInt32BE(16 + at));
    return checksums && index.subarray(32, 40).equals(last.subarray(8, 16));
  }

  #readToken(): number {
    return this.#read(0, 4, userVersionOffset).readInt32BE();
  }

  /** Reads bytes of the main file (0), the WAL (1) or the shared memory file (2). Bytes past the end are zeros. */
  #read(which: 0 | 1 | 2, length: number, at: number): Buffer {
    const bytes = Buffer.alloc(length);
    readSync(this.#descriptors[which] as number, bytes, 0, length, at);
    return bytes;
  }

  #currentInodes(): string {
    const inodes = suffixes.map((suffix) => statSync(this.#file + suffix, { throwIfNoEntry: false })?.ino ?? 'none');
    return inodes.join(' ');
  }

  #pragma(text: string): unknown {
    return this.db.$client.pragma(text, { simple: true });
  }

  /** Runs a checkpoint; NOOP only queries. @returns the pages in the WAL, and how many of them are in the main file */
  #checkpoint(mode: 'NOOP' | 'PASSIVE' | 'TRUNCATE'): { log: number; checkpointed: number } {
    const [state] = this.db.$client.pragma(`wal_checkpoint(${mode})`) as { log: number; checkpointed: number }[];
    return state ?? { log: 0, checkpointed: 0 };
  }

  /** Replaces the fingerprint atomically by a rename, so that a killed process leaves no partial file. */
  #saveFingerprint(fingerprint: Fingerprint): void {
    try {
      writeFileSync(`${this.#file}.mark-new`, JSON.stringify(fingerprint));
      renameSync(`${this.#file}.mark-new`, `${this.#file}.mark`);
    } catch {
      // The disk is full. Without a fingerprint the next start checks the whole file.
      for (const suffix of ['.mark-new', '.mark']) rmSync(this.#file + suffix, { force: true });
    }
  }
}

/** Reads the fingerprint of a file; undefined if there is none. @throws Error if the file does not match it */
function readFingerprint(file: string): Fingerprint | undefined {
  const stat = statOf(file);
  if (stat === undefined) {
    // The main file is missing, so its companion files are useless.
    removeDatabase(file);
    return undefined;
  }
  let stored: Fingerprint;
  try {
    stored = JSON.parse(readFileSync(`${file}.mark`, 'utf8')) as Fingerprint;
  } catch {
    return undefined;
  }
  const walBytes = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size;
  const walMatches = stored.open ? walBytes !== undefined : !walBytes;
  if (!walMatches || (stored.stat !== null && stored.stat !== stat)) throw new Error(modified);
  return stored;
}

/** Size and modification time in milliseconds: Deno has no finer times, and the next start may be on Deno or Node. */
function statOf(file: string): string | undefined {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat && `${stat.size} ${stat.mtimeMs}`;
}
