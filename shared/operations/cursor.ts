/** Keyset cursors: the sort key of a page's last entry, encoded so that it is opaque to clients. */
import type { z } from 'zod';
import { invalid } from './errors.ts';

export type CursorKey = (string | number | null)[];

/** The input that selects a page: at most `limit` items, from the start of the list or after `cursor`. */
export interface PageInput {
  limit: number;
  cursor?: string | undefined;
}

/** Returns a cursor that continues after `key`. `scope` identifies the list, for example by sort order and filters. */
export function encodeCursor(scope: string, key: CursorKey): string {
  return Buffer.from(JSON.stringify([scope, ...key])).toString('base64url');
}

/**
 * Returns the key of a cursor.
 * @param key schema of the list's keys, which a forged cursor may not match
 * @throws AppError invalid for a cursor of another list
 */
export function decodeCursor<K extends z.ZodTuple>(scope: string, cursor: string, key: K): z.output<K> {
  const [cursorScope, ...parts] = partsOf(cursor);
  const parsed = key.safeParse(parts);
  if (cursorScope === scope && parsed.success) return parsed.data;
  throw invalid({ field: 'cursor', message: 'does not belong to this list with these filters' });
}

function partsOf(cursor: string): unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(parts) ? parts : [];
  } catch {
    return [];
  }
}

/** Splits `rows`, of which the query read `limit` + 1, into the items of a page and the cursor of the next page. */
export function paginate<T>(rows: T[], limit: number, scope: string, keyOf: (row: T) => CursorKey) {
  const items = rows.length > limit ? rows.slice(0, limit) : rows;
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? encodeCursor(scope, keyOf(last)) : null };
}

/** Serializes a page whose items are stored as JSON. */
export function jsonPage({ items, next }: { items: { document: string }[]; next: string | null }): string {
  return `{"items":[${items.map(({ document }) => document).join(',')}],"next":${JSON.stringify(next)}}`;
}
