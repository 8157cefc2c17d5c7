/** Keyset cursors: the sort key of the last entry of a page, opaque to clients. */
import type { z } from 'zod';
import { invalid } from './errors.ts';

export type CursorKey = (string | number | null)[];

/** A cursor that continues behind `key`. `scope` says which list it belongs to, such as its sort and filters. */
export function encodeCursor(scope: string, key: CursorKey): string {
  return Buffer.from(JSON.stringify([scope, ...key])).toString('base64url');
}

/**
 * The key of a cursor.
 * @param key what the entries of the list have: a cursor made by hand must not be taken for one of it
 * @throws AppError invalid for a cursor that is not of this list
 */
export function decodeCursor<K extends z.ZodTuple>(scope: string, cursor: string, key: K): z.output<K> {
  const [of, ...parts] = partsOf(cursor);
  const parsed = key.safeParse(parts);
  if (of === scope && parsed.success) return parsed.data;
  throw invalid({ field: 'cursor', message: 'is not a cursor of this list with these filters' });
}

function partsOf(cursor: string): unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(parts) ? parts : [];
  } catch {
    return [];
  }
}

/** Cuts `rows` (asked for one more than `limit`) to a page and gives the cursor of the next. */
export function paginate<T>(rows: T[], limit: number, scope: string, keyOf: (row: T) => CursorKey) {
  const items = rows.length > limit ? rows.slice(0, limit) : rows;
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? encodeCursor(scope, keyOf(last)) : null };
}

/** A page as JSON, of items that are JSON documents already. */
export function jsonPage({ items, next }: { items: { document: string }[]; next: string | null }): string {
  return `{"items":[${items.map(({ document }) => document).join(',')}],"next":${JSON.stringify(next)}}`;
}
