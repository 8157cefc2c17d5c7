/**
 * Detects external changes to the files of a database.
 *
 * In WAL mode only checkpoints write the main file. This class makes all of them, so it knows the file's size and
 * modification time after the last one. Each checkpoint also writes a random token into the file's header (as
 * `user_version`), so that an older copy is recognized even if its size and time match. This fingerprint is stored in a
 * `.mark` file beside the database and is checked at the next start.
 *
 * An open file is not synced to disk, which would take most of a checkpoint's time. Its data survives the end of the
 * process, but not that of the machine. Therefore the header of an open file names the boot of the machine (as
 * `application_id`), and after another boot the file is refused.
 */
import { randomInt } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type Database, isEnvironmental, openDatabase, removeDatabase } from './database.ts';
import { DatabaseFiles } from './database-files.ts';

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
/** Positive number that identifies the machine's boot; undefined if it is unknown. */
const boot = readBoot();

/** A database whose files are checked for external changes from its opening until it is closed. */
export class WatchedDatabase {
  readonly db: Database;
  readonly #file: string;
  readonly #files: DatabaseFiles;
  /** Size and time of the main file as this process left it. */
  #stat = '';
  /** Token in the header of the main file. It differs from `#token` after an incomplete checkpoint. */
  #headerToken = 0;
  /** Token in the database, WAL included. */
  #token = 0;
  #inodes: string | undefined;
  #dataVersion: unknown;
  /** Whether SQLite syncs the files, as it does until the header says that they are open. */
  #isSynced = true;
  /** Speed of the last checkpoint. */
  #pagesPerMs = Number.POSITIVE_INFINITY;

  /**
   * Opens a file, creating it if it is missing. From then on only this class makes checkpoints.
   * @param verified whether the file's digest has been checked, so that the full integrity check can be skipped
   * @throws Error if the file is damaged, if it or its WAL was modified since it was last open, or if the machine
   *   stopped while it was open
   */
  constructor(file: string, verified = false) {
    this.#file = file;
    this.#files = new DatabaseFiles(file);
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
    const openedIn = this.#pragma('application_id');
    if (openedIn !== 0 && openedIn !== boot) throw new Error('the machine stopped while the file was open');
    this.#token = this.#pragma('user_version') as number;
    if (stored && !stored.tokens.includes(this.#token)) throw new Error(modified);
    const intact = verified || typeof stored?.stat === 'string';
    if (!intact && this.#pragma('quick_check(1)') !== 'ok') throw new Error('the file is damaged');
    this.#files.open();
    this.#dataVersion = this.#pragma('data_version');
    this.#recordMainFile();
    if (stored?.header !== undefined && stored.header !== this.#headerToken) throw new Error(modified);
    this.#inodes = this.#files.inodes();
    this.#tryWrite(`application_id = ${boot ?? 0}`);
    this.checkpoint();
    if (this.#files.header('application_id') === boot) this.#stopSyncing();
  }

  /** Ends syncing, because the header says that the file is open. */
  #stopSyncing(): void {
    this.#files.sync('main');
    this.#pragma('synchronous = OFF');
    this.#isSynced = false;
  }

  /** Resumes syncing, for a file that is about to be closed. */
  #startSyncing(): void {
    if (this.#isSynced) return;
    // All other pages must be on disk before the header says that the file is closed.
    this.#files.sync('main');
    this.#pragma('synchronous = FULL');
    this.#pragma('application_id = 0');
    this.#isSynced = true;
    this.checkpoint('TRUNCATE');
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
    if (this.#isSynced) this.#files.sync('wal');
    if (!this.#mainFileUnchanged()) return;
    let completed = false;
    try {
      const { log, checkpointed } = this.#checkpoint(mode);
      completed = log === checkpointed;
    } finally {
      // A reader or a full disk can stop a checkpoint halfway, before it writes the header. Any other token was written
      // externally: then the recorded state stays as it is, so that every later comparison reports the modification.
      const token = this.#files.header('user_version');
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
      const inodes = this.#files.inodes();
      if (inodes === undefined) return 'deleted';
      const same = inodes === this.#inodes && this.#pragma('data_version') === this.#dataVersion;
      const walIsOurs = (): boolean => this.#files.walMatchesIndex(this.#pragma('page_size') as number);
      return same && this.#mainFileUnchanged() && walIsOurs() ? 'unchanged' : 'modified';
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
      this.#startSyncing();
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
    this.#files.close();
  }

  #writeToken(): void {
    const token = randomInt(1, maxToken);
    this.#saveFingerprint({ stat: null, tokens: [this.#token, token], open: true });
    // On a full disk the checkpoint keeps the previous token and frees space.
    if (this.#tryWrite(`user_version = ${token}`)) this.#token = token;
  }

  #recordMainFile(): void {
    this.#stat = statOf(this.#file) ?? '';
    this.#headerToken = this.#files.header('user_version');
  }

  #mainFileUnchanged(): boolean {
    return statOf(this.#file) === this.#stat && this.#files.header('user_version') === this.#headerToken;
  }

  #pragma(text: string): unknown {
    return this.db.$client.pragma(text, { simple: true });
  }

  /** Runs a pragma that writes to the header. @returns false if the disk is full */
  #tryWrite(pragma: string): boolean {
    try {
      this.#pragma(pragma);
      return true;
    } catch (error) {
      if (!isEnvironmental(error)) throw error;
      return false;
    }
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

/** Only Linux has this file, and Deno would ask for all permissions. */
function readBoot(): number | undefined {
  if ('Deno' in globalThis) return undefined;
  try {
    const id = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
    return Number.parseInt(id.slice(0, 7), 16) + 1;
  } catch {
    return undefined;
  }
}
