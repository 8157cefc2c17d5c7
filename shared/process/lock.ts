/** File locks that the operating system releases even when the process that holds them crashes. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';

/**
 * Locks a file until the result is disposed; creates the file and its folder if necessary. The lock is SQLite's,
 * because that works the same way on every operating system and runtime.
 * @throws Error with `message` if this or another process holds the lock; Error that names the file if it cannot be
 *   locked for another reason
 */
export function lockFile(file: string, message: string): Disposable {
  let db: BetterSqlite3.Database | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true });
    db = new BetterSqlite3(file, { timeout: 0 });
    db.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    db?.close();
    const isHeld = cause instanceof BetterSqlite3.SqliteError && cause.code === 'SQLITE_BUSY';
    const reason = cause instanceof Error ? cause.message : cause;
    const remedy = 'Make its folder writable, and delete the file if it is damaged.';
    throw new Error(isHeld ? message : `${file} cannot be locked: ${reason}. ${remedy}`, { cause });
  }
  const opened = db;
  return {
    [Symbol.dispose]: () => {
      if (opened.open) opened.close();
    },
  };
}

const maxReplicas = 100;

/**
 * Locks the first free replica folder in `dataDir`, for replicas that share that directory. Taking the first one lets a
 * restarted replica find its view again. The folder is released when the result is disposed or this process ends.
 * @throws Error when no folder is free; lockFile's first error if some folders cannot be used for another reason
 */
export function takeReplicaFolder(dataDir: string): Disposable & { path: string } {
  const taken = 'taken';
  let failure: unknown;
  for (let number = 1; number <= maxReplicas; number++) {
    const path = join(dataDir, `replica-${number}`);
    try {
      return Object.assign(lockFile(join(path, 'lock'), taken), { path });
    } catch (error) {
      // A folder that cannot be used, for example another user's, is skipped like one that is taken.
      if ((error as Error).message !== taken) failure ??= error;
    }
  }
  throw failure ?? new Error(`all ${maxReplicas} replica folders in ${dataDir} are taken: use another DATA_DIR`);
}
