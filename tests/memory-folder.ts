/**
 * Temporary files of a run in memory, where there is room: brokers and views sync each write, which tests would wait
 * for. A process that is killed leaves the same in memory as on a disk. TMPDIR names another place.
 */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

const memory = '/dev/shm';
/** A run takes a tenth of it; containers often have 64 MB in all. */
const roomBytes = 2 ** 31;

/** For whatever is started from here on, until this process ends. */
export default function setup(): void {
  if (process.env.TMPDIR || !hasRoom()) return;
  const folder = mkdtempSync(join(memory, 'marquee-'));
  process.env.TMPDIR = folder;
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
}

function hasRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(memory);
    return bavail * bsize > roomBytes;
  } catch {
    return false;
  }
}
