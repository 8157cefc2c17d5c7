/** From rows to answers. Documents are sent as they are stored. */
import { and, desc, eq, lt, sql } from 'drizzle-orm';
import { decodeCursor, documentPage } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import type { Ticket } from '../tickets/contract.ts';
import { tickets } from './schema.ts';

export type SupportQueries = ReturnType<typeof supportQueries>;

/** Prepares the queries of a support view. */
export function supportQueries(db: Database) {
  const { ticketId, userId, openedSequence: sequence, document } = tickets;
  const byId = db
    .select({ document })
    .from(tickets)
    .where(eq(ticketId, sql.placeholder('ticketId')))
    .prepare();
  const newest = db
    .select({ sequence, document })
    .from(tickets)
    .where(and(eq(userId, sql.placeholder('userId')), lt(sequence, sql.placeholder('before'))))
    .orderBy(desc(sequence))
    .limit(sql.placeholder('limit'))
    .prepare();

  return {
    get(ticketId: string): Ticket | undefined {
      const row = byId.get({ ticketId });
      return row && (JSON.parse(row.document) as Ticket);
    },
    /** A page of a viewer's tickets as JSON. @throws AppError invalid for a cursor of another list. */
    list(userId: string, limit: number, cursor: string | undefined): string {
      const scope = JSON.stringify(['support.list', userId]);
      const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(decodeCursor(scope, cursor, 1)[0]);
      const rows = newest.all({ userId, before, limit: limit + 1 });
      return documentPage(rows, limit, scope, (row) => [row.sequence]);
    },
  };
}
