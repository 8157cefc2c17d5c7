/**
 * Notices when somebody else has written to a database file.
 *
 * SQLite finds damage to the structure of a file, and only in pages that it reads; other bytes may change unseen. In
 * WAL mode the file itself is written by checkpoints alone. They are made or begun here, so the time and size of the file after
 * the last of them are known: if they are others, another has written to it. They are kept in a file beside it, so
 * that the next start knows too.
 */
import { type BigIntStats, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { Checkpoint } from './checkpoints.ts';
import { type Database, markSuffix } from './database.ts';

/** How often to look at the log until it has `checkpointPages`: a transaction may write one page or hundreds. */
const looksByMessages = 20;
const looksByTransactions = 600;
/** A checkpoint holds up whoever waits for the next transaction; while a view is built nobody does. */
const whileBuilt = 2.5;
/** While a checkpoint is made aside the log grows on. Where no more than so much of a log is left, that is copied here. */
const smallRest = 0.5;
/** A disk that is slower than what is written to the log is not waited for any longer. */
const mostAside = 3;
/** Stands beside the file while it is being written. */
const writing = 'writing';

/** What the file beside a database says of it; `unsure` after a crash in mid-write, and where there is none. */
export type Trust = 'untouched' | 'touched' | 'unsure';

export class Fingerprint {
  readonly #file: string;
  readonly #checkpointPages: number;
  readonly #beginAside: ((file: string) => Checkpoint) | undefined;
  #aside: Checkpoint | undefined;
  /** The file that it is made in, which another may replace meanwhile. */
  #inode: bigint | undefined;
  /** Made aside in a row for one log. */
  #madeAside = 0;
  #known: string | undefined;
  #messages = 0;
  #transactions = 0;

  /**
   * @param file of a database that is open in WAL mode, or is about to be
   * @param checkpointPages of its log that make a checkpoint worth its time: what is written again meanwhile is copied
   *   once
   * @param beginAside begins a checkpoint on another thread; without it all are made here
   */
  constructor(file: string, checkpointPages: number, beginAside?: (file: string) => Checkpoint) {
    this.#file = file;
    this.#checkpointPages = checkpointPages;
    this.#beginAside = beginAside;
  }

  /** Compares a file that nobody has open with its mark. */
  trust(): Trust {
    try {
      const mark = readFileSync(this.#file + markSuffix, 'utf8');
      if (mark === writing) return 'unsure';
      return mark === this.#present() ? 'untouched' : 'touched';
    } catch {
      return 'unsure';
    }
  }

  /** From now on nobody else writes to the file. */
  begin(db: Database): void {
    db.$client.pragma('wal_autocheckpoint = 0');
    this.#note();
  }

  /**
   * To be called behind each transaction.
   * @param isRead whether somebody may wait for the next
   */
  applied(db: Database, messages: number, isRead: boolean): void {
    this.#messages += messages;
    this.#transactions++;
    const pages = isRead ? this.#checkpointPages : this.#checkpointPages * whileBuilt;
    if (this.#aside) {
      if (!this.#aside.ended) return;
      this.#endAside();
    } else if (this.#messages < pages / looksByMessages && this.#transactions < pages / looksByTransactions) return;
    this.#messages = 0;
    this.#transactions = 0;
    const [state] = db.$client.pragma('wal_checkpoint(NOOP)') as { log: number; checkpointed: number }[];
    const left = state ? state.log - state.checkpointed : 0;
    if (left < (this.#madeAside > 0 ? 1 : pages)) {
      this.#madeAside = 0;
      return;
    }
    // Behind a checkpoint nobody could tell any more that another has written to it.
    if (this.touched()) return;
    if (
      this.#beginAside &&
      isRead &&
      this.#madeAside < mostAside &&
      (this.#madeAside === 0 || left > pages * smallRest)
    ) {
      this.#madeAside++;
      this.#keep(writing);
      this.#inode = this.#stat()?.ino;
      this.#aside = this.#beginAside(this.#file);
      return;
    }
    this.#madeAside = 0;
    try {
      this.#marked(() => db.$client.pragma('wal_checkpoint'));
    } catch {
      // A full disk: the log still holds everything, and the next transactions try again.
    }
  }

  /** To be called when the disk is full: what the log holds goes to the file, and the log begins anew. Never throws. */
  relieve(db: Database): void {
    try {
      this.written(() => db.$client.pragma('wal_checkpoint(TRUNCATE)'));
    } catch {
      // There is no room for that either: the log still holds everything, and whoever is refused next tries again.
    }
  }

  /** Does what writes to the file: a checkpoint, or closing it. */
  written(work: () => void): void {
    if (this.#aside) {
      this.#aside.wait();
      this.#endAside();
    }
    if (this.touched()) {
      // The mark stays as it is, so that the next look, or the next start, sees it.
      work();
      this.#keep(this.#known as string);
    } else {
      this.#marked(work);
    }
  }

  #marked(work: () => void): void {
    this.#keep(writing);
    try {
      work();
    } finally {
      this.#note();
    }
  }

  /** Whatever is made aside has ended behind this: to be called before the file is closed or given up by other means. */
  settle(): void {
    this.#aside?.wait();
    this.#aside = undefined;
  }

  #endAside(): void {
    this.#aside = undefined;
    // Another file is there: what is known is still that of ours, so that the next look sees it.
    if (this.#stat()?.ino === this.#inode) this.#note();
  }

  /** Whether the file is there and another has written to it. While a checkpoint is made aside nobody can tell. */
  touched(): boolean {
    if (this.#aside) {
      if (!this.#aside.ended) return false;
      this.#endAside();
    }
    const present = this.#present();
    return present !== undefined && this.#known !== undefined && present !== this.#known;
  }

  #note(): void {
    this.#known = this.#present();
    this.#keep(this.#known ?? writing);
  }

  #present(): string | undefined {
    const stat = this.#stat();
    return stat && `${stat.size} ${stat.mtimeNs}`;
  }

  #stat(): BigIntStats | undefined {
    return statSync(this.#file, { bigint: true, throwIfNoEntry: false });
  }

  #keep(text: string): void {
    try {
      writeFileSync(this.#file + markSuffix, text);
    } catch {
      // A full disk: without a mark the next start looks for itself.
      rmSync(this.#file + markSuffix, { force: true });
    }
  }
}
