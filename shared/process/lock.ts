/** Locks that the operating system gives back however their holder ends. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';

/**
 * Holds a file as long as it is not disposed; makes it and its folder where there are none. SQLite's lock is the one that
 * works alike on every system and runtime.
 * @throws Error with `message` when another process, or this one, holds it; SQLite's own where the file cannot be locked.
 */
export function lockFile(file: string, message: string): Disposable {
  mkdirSync(dirname(file), { recursive: true });
  const db = new BetterSqlite3(file, { timeout: 0 });
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    db.close();
    throw cause instanceof BetterSqlite3.SqliteError && cause.code === 'SQLITE_BUSY'
      ? new Error(message, { cause })
      : cause;
  }
  return {
    [Symbol.dispose]: () => {
      if (db.open) db.close();
    },
  };
}

const most = 100;

/**
 * Takes a folder in `dataDir` for one of the replicas that share it: the first that no other holds, where it finds its view
 * again. It has it until it is disposed, or this process ends in whichever way.
 * @throws Error when as many as there can be are taken; as lockFile where the volume cannot be written
 */
export function takeReplicaFolder(dataDir: string): Disposable & { path: string } {
  const taken = 'it is taken';
  let failure: unknown;
  for (let number = 1; number <= most; number++) {
    const path = join(dataDir, `replica-${number}`);
    try {
      return Object.assign(lockFile(join(path, 'lock'), taken), { path });
    } catch (error) {
      // One that cannot be used, such as another user's, is passed over, too.
      if ((error as Error).message !== taken) failure ??= error;
    }
  }
  throw failure ?? new Error(`no replica folder is free in ${dataDir}`);
}
