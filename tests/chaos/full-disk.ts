/** A small disk for one replica that can be filled. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const sizeMb = 48;
const chunkBytes = 65_536;

/** A small file system in memory. */
export class SmallDisk implements Disposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Mounts the file system; undefined if this user may not. */
  static mount(path: string): SmallDisk | undefined {
    mkdirSync(path, { recursive: true });
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMb}m`, 'tmpfs', path], { stdio: 'ignore' });
      return new SmallDisk(path);
    } catch {
      return undefined;
    }
  }

  /** Fills the disk completely. */
  fill(): void {
    const file = openSync(join(this.path, 'filler'), 'a');
    try {
      for (const size of [chunkBytes, 4096, 1]) {
        const chunk = Buffer.alloc(size);
        while (this.#wrote(file, chunk));
      }
    } finally {
      closeSync(file);
    }
  }

  /** Frees the space again. */
  free(): void {
    rmSync(join(this.path, 'filler'), { force: true });
  }

  [Symbol.dispose](): void {
    // A lazy unmount, since a process that was just killed may still have files open.
    execFileSync('umount', ['-l', this.path], { stdio: 'ignore' });
  }

  #wrote(file: number, chunk: Buffer): boolean {
    try {
      return writeSync(file, chunk) === chunk.length;
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOSPC') return false;
      throw error;
    }
  }
}
