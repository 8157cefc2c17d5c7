/** Lists tickets, newest first. The order is the same at every site. */
import { and, desc, type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import { decodeCursor, jsonPage, type PageInput, paginate } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import type { TicketTable } from './projection.ts';

interface Row {
  openedAt: number;
  ticketId: string;
  document: string;
}

const key = z.tuple([z.int(), z.string()]);

/** Prepares a list of the tickets that have `openedAt` and meet all conditions. It returns pages as JSON. */
export function ticketList(db: Database, table: TicketTable, ...conditions: SQL[]) {
  const { openedAt, ticketId, document } = table;
  const { placeholder } = sql;
  const olderThanCursor = sql`(${openedAt}, ${ticketId}) < (${placeholder('before')}, ${placeholder('beforeId')})`;
  const newestFirst = db
    .select({ openedAt, ticketId, document })
    .from(table)
    .where(and(...conditions, olderThanCursor))
    .orderBy(desc(openedAt), desc(ticketId))
    .limit(placeholder('limit'))
    .prepare();
  /** @param scope name of the list. @throws AppError invalid for a cursor of a list with another name */
  return (scope: string, values: Record<string, unknown>, { limit, cursor }: PageInput): string => {
    const [before, beforeId] = cursor === undefined ? [Number.MAX_SAFE_INTEGER, ''] : decodeCursor(scope, cursor, key);
    const rows = newestFirst.all({ ...values, before, beforeId, limit: limit + 1 }) as Row[];
    return jsonPage(paginate(rows, limit, scope, (row) => [row.openedAt, row.ticketId]));
  };
}
