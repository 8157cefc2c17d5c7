/** The files of an open database: the main file, the WAL and the shared memory with the WAL's index. */
import { closeSync, fsyncSync, openSync, readSync, statSync } from 'node:fs';

const suffixes = { main: '', wal: '-wal', sharedMemory: '-shm' };
type Which = keyof typeof suffixes;
const all = Object.keys(suffixes) as Which[];

/** Offsets of fields in the header of the main file. */
const fields = { user_version: 60, application_id: 68 };
/** Header sizes in the WAL. A frame header ends with the WAL's salts and a checksum of everything up to that frame. */
const walHeaderBytes = 32;
const frameHeaderBytes = 24;

/** Reads the files directly, not through SQLite. */
export class DatabaseFiles {
  readonly #file: string;
  readonly #descriptors = new Map<Which, number>();

  /** @param file path of the main file */
  constructor(file: string) {
    this.#file = file;
  }

  /** Opens the files, which the database must have created. */
  open(): void {
    for (const which of all) this.#descriptors.set(which, openSync(this.#file + suffixes[which], 'r'));
  }

  /** Closes the files. To be called after the database was closed, because this drops SQLite's locks on them. */
  close(): void {
    for (const descriptor of this.#descriptors.values()) closeSync(descriptor);
    this.#descriptors.clear();
  }

  /** Returns the inodes of the files at these paths now; undefined if one of them was deleted. */
  inodes(): string | undefined {
    const stats = all.map((which) => statSync(this.#file + suffixes[which], { throwIfNoEntry: false }));
    return stats.includes(undefined) ? undefined : stats.map((stat) => stat?.ino).join(' ');
  }

  /** Returns a field in the header of the main file. The database's may be another one that is still in the WAL. */
  header(field: keyof typeof fields): number {
    return this.#read('main', 4, fields[field]).readInt32BE();
  }

  /** Returns whether the last frame of the WAL is the one that the WAL's index describes. */
  walMatchesIndex(pageBytes: number): boolean {
    const index = this.#read('sharedMemory', 40, 0);
    const frames = index.readUInt32LE(16);
    if (frames === 0) return true;
    const start = walHeaderBytes + (frames - 1) * (frameHeaderBytes + pageBytes);
    const last = this.#read('wal', frameHeaderBytes, start);
    const checksums = [0, 4].every((at) => index.readUInt32LE(24 + at) === last.readUInt32BE(16 + at));
    return checksums && index.subarray(32, 40).equals(last.subarray(8, 16));
  }

  /** Waits until a file is on disk. */
  sync(which: 'main' | 'wal'): void {
    fsyncSync(this.#descriptors.get(which) as number);
  }

  /** Returns bytes of a file. Bytes past its end are zeros. */
  #read(which: Which, length: number, at: number): Buffer {
    const bytes = Buffer.alloc(length);
    readSync(this.#descriptors.get(which) as number, bytes, 0, length, at);
    return bytes;
  }
}
