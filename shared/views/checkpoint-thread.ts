/** Where checkpoints are made beside the thread of views: copies what a log holds into the file, for checkpoints.ts. */
import { parentPort } from 'node:worker_threads';
import { openForCheckpoint } from './database.ts';

/** What the thread is told. */
export interface Wanted {
  file: string;
  /** One number, 1 when it has ended. */
  ended: Int32Array;
}

parentPort?.on('message', ({ file, ended }: Wanted) => {
  try {
    const db = openForCheckpoint(file);
    try {
      // PASSIVE: nobody waits for it, and what is written or read meanwhile is left for the next.
      db.$client.pragma('wal_checkpoint');
    } finally {
      db.$client.close();
    }
  } catch {
    // A full disk, or a file that is gone: the log says how far it came, and whoever writes to it looks there.
  }
  Atomics.store(ended, 0, 1);
  Atomics.notify(ended, 0);
});
