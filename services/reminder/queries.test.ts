import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'vitest';
import { type Database, migrate, openDatabase, openForReading } from '../../shared/views/database.ts';
import { temporaryFolder } from '../../tests/folder.ts';
import { reminderQueries } from './queries.ts';

/** A database that has something happen behind each row that is read from it. */
function interrupted(db: Database, between: () => void): Database {
  const prepare = (sql: string) => {
    const statement = db.$client.prepare(sql);
    const get = (...parameters: unknown[]): unknown => {
      const row = statement.get(...parameters);
      between();
      return row;
    };
    return { get, all: statement.all.bind(statement) };
  };
  return { prepare, transaction: db.$client.transaction.bind(db) } as unknown as Database;
}

test('what is decided on is of one moment, whatever is written meanwhile', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'reminder.sqlite');
  const writer = openDatabase(file);
  migrate(writer, new URL('./migrations/', import.meta.url));
  const reader = openForReading(file);
  const write = (): void => {
    writer.$client.exec(`
      INSERT OR REPLACE INTO entries (list, user_id, movie_id, site, added_at, added_revision, remind_at)
        VALUES ('reminder', 'ann', 1, 'hub', 5, 7, 900);
      INSERT OR REPLACE INTO schedules (user_id, movie_id, site, revision, remind_at) VALUES ('ann', 1, 'hub', 8, 900);`);
  };
  const queries = reminderQueries(interrupted(reader, write));
  assert.deepEqual(queries.known('ann', 1, 'hub'), { remindAt: null, schedule: { revision: 0, remindAt: null } });
  assert.deepEqual(queries.known('ann', 1, 'hub'), { remindAt: 900, schedule: { revision: 8, remindAt: 900 } });
  reader.$client.close();
  writer.$client.close();
});
