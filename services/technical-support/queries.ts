/** From rows to answers. Documents are sent as they are stored. */
import { decodeCursor, paginate } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import type { Ticket } from '../tickets/contract.ts';
import type { Order } from './contract.ts';

export interface OrderFilter {
  state?: string | undefined;
  userId?: string | undefined;
  limit: number;
  cursor?: string | undefined;
}

interface OrderRow {
  sequence: number;
  document: string;
}

export type OrderQueries = ReturnType<typeof orderQueries>;

/** Prepares the queries of a technical-support view. */
export function orderQueries(db: Database) {
  const ticketById = db.$client.prepare<[string], { document: string }>(
    'SELECT document FROM tickets WHERE ticket_id = ?',
  );
  // An order published by hand may have the id of another: the first keeps it.
  const orderById = db.$client.prepare<[string], { document: string }>(
    'SELECT document FROM tickets WHERE order_id = ? ORDER BY order_sequence LIMIT 1',
  );
  const newest = (condition: string) =>
    db.$client.prepare<unknown[], OrderRow>(
      `SELECT order_sequence AS sequence, document FROM tickets
       WHERE ${condition} order_sequence < :before ORDER BY order_sequence DESC LIMIT :limit`,
    );
  const lists = {
    all: newest(''),
    state: newest('state = :state AND'),
    user: newest('user_id = :userId AND'),
    // A viewer has few orders: + keeps SQLite from the index of the state.
    both: newest('user_id = :userId AND +state = :state AND'),
  };

  return {
    ticket(ticketId: string): Ticket | undefined {
      const row = ticketById.get(ticketId);
      return row && (JSON.parse(row.document) as Ticket);
    },
    order(orderId: string): Order | undefined {
      const row = orderById.get(orderId);
      return row && (JSON.parse(row.document) as Order);
    },
    /** A page of orders as JSON. @throws AppError invalid for a cursor of another list. */
    list({ state, userId, limit, cursor }: OrderFilter): string {
      const scope = JSON.stringify(['technical-support.list', state, userId]);
      const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(decodeCursor(scope, cursor, 1)[0]);
      const statement =
        state === undefined
          ? userId === undefined
            ? lists.all
            : lists.user
          : userId === undefined
            ? lists.state
            : lists.both;
      const rows = statement.all({ state, userId, before, limit: limit + 1 });
      const { items, next } = paginate(rows, limit, scope, (row) => [row.sequence]);
      return `{"items":[${items.map((row) => row.document).join(',')}],"next":${JSON.stringify(next)}}`;
    },
  };
}
