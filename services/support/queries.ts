/** From rows to answers. Documents are sent as they are stored. */
import { decodeCursor, paginate } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import type { Ticket } from '../tickets/contract.ts';

export type SupportQueries = ReturnType<typeof supportQueries>;

/** Prepares the queries of a support view. */
export function supportQueries(db: Database) {
  const one = db.$client.prepare<[string], { document: string }>('SELECT document FROM tickets WHERE ticket_id = ?');
  const newest = db.$client.prepare<[string, number, number], { sequence: number; document: string }>(
    `SELECT opened_sequence AS sequence, document FROM tickets
     WHERE user_id = ? AND opened_sequence < ? ORDER BY opened_sequence DESC LIMIT ?`,
  );
  return {
    get(ticketId: string): Ticket | undefined {
      const row = one.get(ticketId);
      return row && (JSON.parse(row.document) as Ticket);
    },
    /** A page of a viewer's tickets as JSON. @throws AppError invalid for a cursor of another list. */
    list(userId: string, limit: number, cursor: string | undefined): string {
      const scope = JSON.stringify(['support.list', userId]);
      const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(decodeCursor(scope, cursor, 1)[0]);
      const rows = newest.all(userId, before, limit + 1);
      const { items, next } = paginate(rows, limit, scope, (row) => [row.sequence]);
      return `{"items":[${items.map((row) => row.document).join(',')}],"next":${JSON.stringify(next)}}`;
    },
  };
}
