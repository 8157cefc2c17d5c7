/** Replaces files of a deployment, whose folder may belong to another user than the one that runs this program. */
import { chownSync, existsSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Replaces a file atomically: readers never see a partial file, nor one with wider permissions than `mode`. */
export function replaceFile(file: string, text: string, mode = 0o600): void {
  // A container runs this as root; the file must belong to the owner of the folder.
  const { uid, gid } = statSync(existsSync(file) ? file : dirname(file));
  const written = `${file}.${process.pid}.new`;
  try {
    writeFileSync(written, text, { mode, flag: 'wx' });
    if (process.getuid?.() === 0) chownSync(written, uid, gid);
    renameSync(written, file);
  } finally {
    rmSync(written, { force: true });
  }
}
