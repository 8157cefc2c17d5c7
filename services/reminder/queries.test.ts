import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'vitest';
import { type Database, migrate, openDatabase, openForReading } from '../../shared/views/database.ts';
import { temporaryFolder } from '../../tests/folder.ts';
import { reminderQueries } from './queries.ts';

/** Calls `between` after each row that is read from a database. */
function interrupt(db: Database, between: () => void): void {
  const prepare = db.$client.prepare.bind(db.$client);
  const interrupted = (sql: string) => {
    const statement = prepare(sql);
    const get = statement.get.bind(statement);
    statement.get = (...parameters: unknown[]): unknown => {
      const row = get(...parameters);
      between();
      return row;
    };
    return statement;
  };
  db.$client.prepare = interrupted as typeof prepare;
}

test('reads the state for a command consistently while another connection writes', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'reminder.sqlite');
  const writer = openDatabase(file);
  migrate(writer, new URL('./migrations/', import.meta.url));
  const reader = openForReading(file);
  const write = (): void => {
    writer.$client.exec(`
      INSERT OR REPLACE INTO entries (list, user_id, movie_id, site, added_at, remind_at)
        VALUES ('reminder', 'ann', 1, 'hub', 5, 900);
      INSERT OR REPLACE INTO schedules (user_id, movie_id, site, revision, remind_at) VALUES ('ann', 1, 'hub', 8, 900);`);
  };
  interrupt(reader, write);
  const queries = reminderQueries(reader);
  assert.deepEqual(queries.known('ann', 1, 'hub'), {
    remindAt: null,
    schedule: { revision: 0, remindAt: null },
    after: undefined,
  });
  assert.deepEqual(queries.known('ann', 1, 'hub'), {
    remindAt: 900,
    schedule: { revision: 8, remindAt: 900 },
    after: undefined,
  });
  reader.$client.close();
  writer.$client.close();
});
