/** The order of lists of tickets: the newest first, by what is the same at every site. */
import { type SQL, sql } from 'drizzle-orm';
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core';
import { type CursorKey, decodeCursor } from '../../shared/operations/cursor.ts';

/** The condition that a row stands behind the place that is asked for. */
export function openedBefore({ openedAt, ticketId }: { openedAt: SQLiteColumn; ticketId: SQLiteColumn }): SQL {
  return sql`(${openedAt}, ${ticketId}) < (${sql.placeholder('before')}, ${sql.placeholder('beforeId')})`;
}

/** Where a page begins. @throws AppError invalid for a cursor of another list. */
export function placeOf(scope: string, cursor: string | undefined): { before: unknown; beforeId: unknown } {
  const [before, beforeId] = cursor === undefined ? [Number.MAX_SAFE_INTEGER, ''] : decodeCursor(scope, cursor, 2);
  return { before, beforeId };
}

/** What a cursor says of the last ticket of a page. */
export function ticketKey({ openedAt, ticketId }: { openedAt: number | null; ticketId: string }): CursorKey {
  return [openedAt ?? 0, ticketId];
}
