/** The thread of checkpoints.ts: copies the logs of databases into their files, one after the other. */
import { parentPort } from 'node:worker_threads';
import BetterSqlite3 from 'better-sqlite3';
import { type CheckpointDone, type CheckpointJob, state } from './checkpoints.ts';
import { messageOf } from './errors.ts';

/** What the writer adds meanwhile is copied in the next pass, until so few pages are left that it copies them itself. */
const fewPages = 200;
const mostPasses = 4;

parentPort?.on('message', ({ id, file, progress }: CheckpointJob) => {
  const done: CheckpointDone = { id };
  if (Atomics.compareExchange(progress, 0, state.due, state.running) === state.due) {
    try {
      checkpoint(file);
    } catch (error) {
      done.failure = messageOf(error);
    }
    Atomics.store(progress, 0, state.over);
    Atomics.notify(progress, 0);
  }
  parentPort?.postMessage(done);
});

function checkpoint(file: string): void {
  const db = new BetterSqlite3(file, { fileMustExist: true });
  try {
    db.pragma('synchronous = NORMAL');
    for (let pass = 0; pass < mostPasses; pass++) {
      const [now] = db.pragma('wal_checkpoint') as { busy: number; log: number; checkpointed: number }[];
      if (!now || now.busy || now.log - now.checkpointed <= fewPages) return;
    }
  } finally {
    db.close();
  }
}
