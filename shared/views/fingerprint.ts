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
import { type Database, isEnvironmental, removeDatabase } from './database.ts';

/** What is kept beside a file. */
interface Mark {
  /** Size and time of the main file; null while a checkpoint is being made. */
  stat: string | null;
  /** What `user_version` is; one of two while a checkpoint is being made. */
  tokens: number[];
  /** Whether it is open, and has a log. */
  open: boolean;
}

/** `gone` where a file was deleted: what is open still holds everything. */
export type Look = 'own' | 'gone' | 'modified';

const modified = 'somebody else has changed the file';
const maxToken = 2 ** 31 - 1;
/** In SQLite's file formats. */
const userVersionAt = 60;
const logHeaderBytes = 32;
const frameHeaderBytes = 24;
const saltsAt = 16;

/** Follows one file, from before it is opened until it is closed. */
export class Fingerprint {
  readonly #file: string;
  readonly #mark: Mark | 'new' | 'unknown';
  #stat = '';
  /** In the main file, and in the database: a checkpoint that a reader holds up leaves the header as it was. */
  #headerToken = 0;
  #token = 0;
  #inodes = '';
  #dataVersion: unknown;
  /** Of a log that cannot begin anew before the next checkpoint. */
  #salts: string | undefined;
  /** Never closed before the database is: that would end the locks which SQLite holds on the file. */
  #descriptor = -1;

  /** @throws Error when somebody else has changed the file since its last fingerprint. */
  constructor(file: string) {
    this.#file = file;
    const stat = statOf(file);
    // What was beside a file that is gone belongs to nothing.
    if (stat === undefined) removeDatabase(file);
    this.#mark = stat === undefined ? 'new' : readMark(file);
    if (typeof this.#mark === 'string') return;
    const log = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size;
    const logFits = this.#mark.open ? log !== undefined : !log;
    if (!logFits || (this.#mark.stat !== null && this.#mark.stat !== stat)) throw new Error(modified);
  }

  /**
   * Begins to watch the file, which was just opened: all its checkpoints are made here from now on.
   * @throws Error when it is damaged, or its log is not its own
   */
  begin(db: Database): void {
    const mark = this.#mark;
    db.$client.pragma('wal_autocheckpoint = 0');
    this.#token = db.$client.pragma('user_version', { simple: true }) as number;
    if (typeof mark === 'object' && !mark.tokens.includes(this.#token)) throw new Error(modified);
    const unsure = mark === 'unknown' || (mark !== 'new' && mark.stat === null);
    if (unsure && db.$client.pragma('quick_check(1)', { simple: true }) !== 'ok') {
      throw new Error('the file is damaged');
    }
    this.#descriptor = openSync(this.#file, 'r');
    this.#dataVersion = db.$client.pragma('data_version', { simple: true });
    this.#note();
    this.#inodes = this.#inodesNow();
    this.checkpoint(db);
  }

  /** To be called behind each transaction: makes a checkpoint when the log has as many pages. Never throws. */
  committed(db: Database, checkpointPages: number): void {
    try {
      const { log, checkpointed } = logOf(db);
      if (log - checkpointed >= checkpointPages) this.checkpoint(db);
    } catch {
      // A full disk: the log still holds everything, and the next transactions try again.
    }
  }

  /** Copies the log into the main file, unless it is not ours any more. @throws an error of SQLite or the disk. */
  checkpoint(db: Database, mode: 'PASSIVE' | 'TRUNCATE' = 'PASSIVE'): void {
    const look = this.look(db);
    if (look === 'gone') db.$client.pragma(`wal_checkpoint(${mode})`);
    if (look !== 'own') return;
    this.#writeToken(db);
    // What takes its time comes before the last look, since nobody can tell who writes to the file during a checkpoint.
    syncLog(this.#file);
    if (!this.#mainFileIsOwn()) return;
    const [result] = db.$client.pragma(`wal_checkpoint(${mode})`) as { log: number; checkpointed: number }[];
    const token = this.#readToken();
    const held = result?.log !== result?.checkpointed && token === this.#headerToken;
    this.#salts = undefined;
    // Another token: somebody wrote to it all the same. What is known stays as it is, so that every look sees that.
    if (token === this.#token || held) this.#note();
    this.#keep(this.#stat, [this.#token], true);
  }

  /** How the files are, as against how this process left them. */
  look(db: Database): Look {
    try {
      return this.#look(db);
    } catch (error) {
      if (!isEnvironmental(error)) throw error;
      // A file was deleted this very moment, or the disk hangs: the next look tells.
      return 'own';
    }
  }

  #look(db: Database): Look {
    const inodes = this.#inodesNow();
    if (inodes.includes('none')) return 'gone';
    const sameVersion = db.$client.pragma('data_version', { simple: true }) === this.#dataVersion;
    return inodes === this.#inodes && sameVersion && this.#mainFileIsOwn() && this.#logIsOwn(db) ? 'own' : 'modified';
  }

  /** Closes the database, and keeps its fingerprint. */
  close(db: Database): void {
    try {
      this.checkpoint(db, 'TRUNCATE');
    } catch (error) {
      if (!isEnvironmental(error)) throw error;
    } finally {
      const own = this.#descriptor >= 0 && this.look(db) === 'own';
      db.$client.close();
      if (own) this.#keep(statOf(this.#file) ?? '', [this.#token], false);
      this.abandon();
    }
  }

  /** Watches no longer: the database was closed by other means. */
  abandon(): void {
    if (this.#descriptor >= 0) closeSync(this.#descriptor);
    this.#descriptor = -1;
  }

  #writeToken(db: Database): void {
    const token = randomInt(1, maxToken);
    this.#keep(null, [this.#token, token], true);
    try {
      db.$client.pragma(`user_version = ${token}`);
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

  #logIsOwn(db: Database): boolean {
    const { log, checkpointed } = logOf(db);
    const { size, salts } = readLog(this.#file);
    const pageSize = db.$client.pragma('page_size', { simple: true }) as number;
    const whole = log <= 0 || size >= logHeaderBytes + log * (frameHeaderBytes + pageSize);
    if (!whole || (this.#salts !== undefined && this.#salts !== salts)) return false;
    if (checkpointed < log) this.#salts = salts;
    return true;
  }

  #readToken(): number {
    const bytes = Buffer.alloc(4);
    readSync(this.#descriptor, bytes, 0, bytes.length, userVersionAt);
    return bytes.readInt32BE();
  }

  #inodesNow(): string {
    const inodes = ['', '-wal', '-shm'].map((suffix) => statSync(this.#file + suffix, { throwIfNoEntry: false })?.ino);
    return inodes.map((inode) => inode ?? 'none').join(' ');
  }

  /** Written by rename: whoever is killed meanwhile leaves a whole one. */
  #keep(stat: string | null, tokens: number[], open: boolean): void {
    try {
      writeFileSync(`${this.#file}.mark-new`, JSON.stringify({ stat, tokens, open } satisfies Mark));
      renameSync(`${this.#file}.mark-new`, `${this.#file}.mark`);
    } catch {
      // A full disk: without a fingerprint the next start checks the whole file.
      for (const suffix of ['.mark-new', '.mark']) rmSync(this.#file + suffix, { force: true });
    }
  }
}

function readMark(file: string): Mark | 'unknown' {
  try {
    return JSON.parse(readFileSync(`${file}.mark`, 'utf8')) as Mark;
  } catch {
    return 'unknown';
  }
}

function statOf(file: string): string | undefined {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat && `${stat.size} ${stat.mtimeNs}`;
}

/** Pages of the log, and how many of them are in the main file already. */
function logOf(db: Database): { log: number; checkpointed: number } {
  const [state] = db.$client.pragma('wal_checkpoint(NOOP)') as { log: number; checkpointed: number }[];
  return state ?? { log: 0, checkpointed: 0 };
}

function syncLog(file: string): void {
  const descriptor = openSync(`${file}-wal`, 'r+');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function readLog(file: string): { size: number; salts: string } {
  const salts = Buffer.alloc(8);
  const descriptor = openSync(`${file}-wal`, 'r');
  try {
    readSync(descriptor, salts, 0, salts.length, saltsAt);
  } finally {
    closeSync(descriptor);
  }
  return { size: statSync(`${file}-wal`).size, salts: salts.toString('hex') };
}
