/** What statements that are prepared once have in common: whole rows, by their names in the schema, and rows of a key. */
import { and, eq, getTableColumns, type Param, type Placeholder, type Query, type SQL, sql } from 'drizzle-orm';
import type { SQLiteColumn, SQLiteInsertValue, SQLiteTable } from 'drizzle-orm/sqlite-core';
import type { Database } from './database.ts';

/** Drizzle would look for the placeholders at each run, which is a third of what writing a row takes. */
function prepared<T extends SQLiteTable>(db: Database, insert: { toSQL(): Query }) {
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
 * Prepares an upsert of a row. Where the key is there already the row is replaced, if `setWhere` says so.
 * @example const put = upsert(db, titles, [titles.movieId, titles.site])
 */
export function upsert<T extends SQLiteTable>(db: Database, table: T, key: SQLiteColumn[], setWhere?: SQL) {
  const others = Object.entries<SQLiteColumn>(getTableColumns(table)).filter(([, column]) => !key.includes(column));
  const set = Object.fromEntries(others.map(([name, column]) => [name, excluded(column)]));
  const conflict = { target: key, set, ...(setWhere ? { setWhere } : {}) } as never;
  return prepared<T>(db, insertOf(db, table).onConflictDoUpdate(conflict));
}

/** Prepares an insert of a row that is left alone where its key is there already. */
export function insertNew<T extends SQLiteTable>(db: Database, table: T) {
  return prepared<T>(db, insertOf(db, table).onConflictDoNothing());
}

/** The condition that columns are what is asked for under their names. @example matching(titles, 'movieId', 'site') */
export function matching<T extends SQLiteTable>(table: T, ...names: (keyof T['_']['columns'] & string)[]) {
  const columns = getTableColumns(table);
  return and(...names.map((name) => eq(columns[name] as SQLiteColumn, sql.placeholder(name))));
}

/** In an upsert: the value that was to be inserted. */
export function excluded(column: SQLiteColumn): SQL {
  return sql.raw(`excluded."${column.name}"`);
}
