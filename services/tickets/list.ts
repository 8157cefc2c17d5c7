/** Lists of tickets: the newest first, by what is the same at every site. */
import { and, desc, type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import { decodeCursor, jsonPage, paginate } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import type { TicketTable } from './projection.ts';

export interface Page {
  limit: number;
  cursor?: string | undefined;
}

interface Row {
  openedAt: number;
  ticketId: string;
  document: string;
}

const key = z.tuple([z.int(), z.string()]);

/** Prepares a list of the tickets that have a time, and for which all conditions hold. It gives pages as JSON. */
export function ticketList(db: Database, table: TicketTable, ...conditions: SQL[]) {
  const { openedAt, ticketId, document } = table;
  const asked = sql.placeholder;
  const behind = sql`(${openedAt}, ${ticketId}) < (${asked('before')}, ${asked('beforeId')})`;
  const newest = db
    .select({ openedAt, ticketId, document })
    .from(table)
    .where(and(...conditions, behind))
    .orderBy(desc(openedAt), desc(ticketId))
    .limit(asked('limit'))
    .prepare();
  /** @throws AppError invalid for a cursor of another list, which is one of another scope */
  return (scope: string, values: Record<string, unknown>, { limit, cursor }: Page): string => {
    const [before, beforeId] = cursor === undefined ? [Number.MAX_SAFE_INTEGER, ''] : decodeCursor(scope, cursor, key);
    const rows = newest.all({ ...values, before, beforeId, limit: limit + 1 }) as Row[];
    return jsonPage(paginate(rows, limit, scope, (row) => [row.openedAt, row.ticketId]));
  };
}
