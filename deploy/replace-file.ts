/** Files of a deployment, whose folder may belong to somebody else than this program's user. */
import { chownSync, existsSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Replaces a file at once, so that there is never half of one, nor one that others can read who must not. */
export function replaceFile(file: string, text: string, mode = 0o600): void {
  // In a container this is root, and the file is for whom the folder belongs to.
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
