/** Queries of drizzle that are prepared once: what all upserts have in common, and a faster way for the busiest few. */
import { getTableColumns, is, Param, Placeholder, type SQL, sql } from 'drizzle-orm';
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

/** In an upsert: the value that was to be inserted. */
export function excluded(column: SQLiteColumn): SQL {
  return sql.raw(`excluded."${column.name}"`);
}

/**
 * Prepares a query of drizzle on better-sqlite3 itself, which skips drizzle's work for each call. Rows have the names of
 * the columns in the database, or those of `.as()`. For the statements that docs/decisions/0007-drizzle-queries.md lists.
 * @throws Error for a query with values that are not placeholders.
 */
export function direct<Values extends object, Row = unknown>(
  db: Database,
  query: { toSQL(): { sql: string; params: unknown[] } },
) {
  const { sql: text, params } = query.toSQL();
  const names = params.map(placeholderName);
  const statement = db.$client.prepare<unknown[], Row>(text);
  const bound = (values: Values): unknown[] => names.map((name) => values[name as keyof Values]);
  return {
    run: (values: Values) => statement.run(bound(values)),
    get: (values: Values): Row | undefined => statement.get(bound(values)),
    all: (values: Values): Row[] => statement.all(bound(values)),
  };
}

function placeholderName(param: unknown): string {
  const placeholder = is(param, Param) ? param.value : param;
  if (!is(placeholder, Placeholder)) throw new Error('only placeholders can be values of a direct query');
  return placeholder.name;
}
