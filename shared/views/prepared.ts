/** What queries of drizzle that are prepared once have in common: whole rows, and rows of a key. */
import { and, eq, getTableColumns, type SQL, sql } from 'drizzle-orm';
import type { SQLiteColumn, SQLiteInsertValue, SQLiteTable } from 'drizzle-orm/sqlite-core';
import type { Database } from './database.ts';

/** An insert of a row whose columns are placeholders with their names in the schema. */
function insertOf<T extends SQLiteTable>(db: Database, table: T) {
  const names = Object.keys(getTableColumns(table));
  const values = Object.fromEntries(names.map((name) => [name, sql.placeholder(name)]));
  return db.insert(table).values(values as SQLiteInsertValue<T>);
}

/**
 * An upsert of a whole row, to be prepared. Where the key is there already the row is replaced, if `setWhere` says so.
 * @example const put = upsert(db, titles, [titles.movieId, titles.site]).prepare()
 */
export function upsert<T extends SQLiteTable>(db: Database, table: T, key: SQLiteColumn[], setWhere?: SQL) {
  const others = Object.entries<SQLiteColumn>(getTableColumns(table)).filter(([, column]) => !key.includes(column));
  const set = Object.fromEntries(others.map(([name, column]) => [name, excluded(column)]));
  return insertOf(db, table).onConflictDoUpdate({ target: key, set, ...(setWhere ? { setWhere } : {}) } as never);
}

/** An insert of a row that is left alone where its key is there already, to be prepared. */
export function insertNew<T extends SQLiteTable>(db: Database, table: T) {
  return insertOf(db, table).onConflictDoNothing();
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
