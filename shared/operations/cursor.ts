/** Keyset cursors: the sort key of the last entry of a page, opaque to clients. */
import { type AppError, invalid } from './errors.ts';

export type CursorKey = (string | number | null)[];

/** A cursor that continues behind `key`. `scope` says which list it belongs to, such as its sort and filters. */
export function encodeCursor(scope: string, key: CursorKey): string {
  return Buffer.from(JSON.stringify([scope, ...key])).toString('base64url');
}

/** The key of a cursor. @throws AppError invalid for a cursor that is not of this list. */
export function decodeCursor(scope: string, cursor: string, length: number): CursorKey {
  let key: CursorKey;
  try {
    key = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as CursorKey;
  } catch {
    throw notACursor();
  }
  const fits = Array.isArray(key) && key[0] === scope && key.length === length + 1;
  if (!fits || !key.every((part) => part === null || typeof part === 'string' || typeof part === 'number')) {
    throw notACursor();
  }
  return key.slice(1);
}

/** The refusal of a cursor whose key no entry of the list can have. */
export function notACursor(): AppError {
  return invalid({ field: 'cursor', message: 'is not a cursor of this list with these filters' });
}

/** Cuts `rows` (asked for one more than `limit`) to a page and gives the cursor of the next. */
export function paginate<T>(rows: T[], limit: number, scope: string, keyOf: (row: T) => CursorKey) {
  const items = rows.length > limit ? rows.slice(0, limit) : rows;
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? encodeCursor(scope, keyOf(last)) : null };
}

/** A page of documents that are JSON already. */
export function jsonPage(documents: string[], next: string | null): string {
  return `{"items":[${documents.join(',')}],"next":${JSON.stringify(next)}}`;
}

/** As `paginate`, as JSON, for rows that have their items as JSON documents. */
export function documentPage<T extends { document: string }>(
  rows: T[],
  limit: number,
  scope: string,
  keyOf: (row: T) => CursorKey,
): string {
  const { items, next } = paginate(rows, limit, scope, keyOf);
  return jsonPage(
    items.map((row) => row.document),
    next,
  );
}
