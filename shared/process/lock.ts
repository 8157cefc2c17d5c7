/** A lock that the operating system gives back however its holder ends. */
import BetterSqlite3 from 'better-sqlite3';

/**
 * Holds a file as long as it is not disposed. SQLite's lock is the one that works alike on every system and runtime.
 * @throws Error with `message` when another process, or this one, holds it.
 */
export function lockFile(file: string, message: string): Disposable {
  const db = new BetterSqlite3(file, { timeout: 0 });
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    db.close();
    throw new Error(message, { cause });
  }
  return {
    [Symbol.dispose]: () => {
      if (db.open) db.close();
    },
  };
}
