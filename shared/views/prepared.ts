/** Helpers for prepared statements: whole rows in terms of the drizzle schema, and conditions on keys. */
import { and, eq, getTableColumns, type Param, type Placeholder, type Query, type SQL, sql } from 'drizzle-orm';
import type { SQLiteColumn, SQLiteInsertValue, SQLiteTable } from 'drizzle-orm/sqlite-core';
import type { Database } from './database.ts';

/** Maps columns to parameters once. Drizzle would look for placeholders at each run, a third of the cost of a row. */
function prepareInsert<T extends SQLiteTable>(db: Database, insert: { toSQL(): Query }) {
  const { sql, params } = insert.toSQL();
  const statement = db.$client.prepare(sql);
  const columns = (params as Param<Placeholder>[]).map(({ encoder, value }) => ({ encoder, name: value.name }));
  return {
    run: (row: T['$inferSelect']) =>
      statement.run(columns.map(({ encoder, name }) => encoder.mapToDriverValue(row[name]))),
  };
}

function insertOf<T extends SQLiteTable>(db: Database, table: T) {
  const names = Object.keys(getTableColumns(table));
  const values = Object.fromEntries(names.map((name) => [name, sql.placeholder(name)]));
  return db.insert(table).values(values as SQLiteInsertValue<T>);
}

/**
 * Prepares an upsert of a row, which replaces an existing row with the same key.
 * @example const put = upsert(db, titles, [titles.movieId])
 */
export function upsert<T extends SQLiteTable>(db: Database, table: T, key: SQLiteColumn[]) {
  const others = Object.entries<SQLiteColumn>(getTableColumns(table)).filter(([, column]) => !key.includes(column));
  const set = Object.fromEntries(others.map(([name, column]) => [name, excluded(column)]));
  return prepareInsert<T>(db, insertOf(db, table).onConflictDoUpdate({ target: key, set } as never));
}

/** Prepares an insert of a row. An existing row with the same key is left unchanged. */
export function insertNew<T extends SQLiteTable>(db: Database, table: T) {
  return prepareInsert<T>(db, insertOf(db, table).onConflictDoNothing());
}

/** Returns the condition `column = placeholder` for each name. @example matching(titles, 'movieId', 'site') */
export function matching<T extends SQLiteTable>(table: T, ...names: (keyof T['_']['columns'] & string)[]) {
  const columns = getTableColumns(table);
  return and(...names.map((name) => eq(columns[name] as SQLiteColumn, sql.placeholder(name))));
}

/** Refers to the value that an upsert would have inserted. */
export function excluded(column: SQLiteColumn): SQL {
  return sql.raw(`excluded."${column.name}"`);
}
