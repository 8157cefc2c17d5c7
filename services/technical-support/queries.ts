/** From rows to answers. Documents are sent as they are stored. */
import { and, asc, desc, eq, lt, type SQL, sql } from 'drizzle-orm';
import { decodeCursor, documentPage } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import type { Ticket } from '../tickets/contract.ts';
import type { Order } from './contract.ts';
import { tickets } from './schema.ts';

export interface OrderFilter {
  state?: string | undefined;
  userId?: string | undefined;
  limit: number;
  cursor?: string | undefined;
}

export type OrderQueries = ReturnType<typeof orderQueries>;

/** Prepares the queries of a technical-support view. */
export function orderQueries(db: Database) {
  const { document } = tickets;
  // Rows without an order have no sequence, and no condition on it lets them in.
  const sequence = sql<number>`${tickets.orderSequence}`;
  const ticketById = db
    .select({ document })
    .from(tickets)
    .where(eq(tickets.ticketId, sql.placeholder('ticketId')))
    .prepare();
  // An order published by hand may have the id of another: the first keeps it.
  const orderById = db
    .select({ document })
    .from(tickets)
    .where(eq(tickets.orderId, sql.placeholder('orderId')))
    .orderBy(asc(sequence))
    .limit(1)
    .prepare();
  const newest = (...conditions: SQL[]) =>
    db
      .select({ sequence, document })
      .from(tickets)
      .where(and(...conditions, lt(tickets.orderSequence, sql.placeholder('before'))))
      .orderBy(desc(sequence))
      .limit(sql.placeholder('limit'))
      .prepare();
  const ofState = eq(tickets.state, sql.placeholder('state'));
  const ofUser = eq(tickets.userId, sql.placeholder('userId'));
  const lists = {
    all: newest(),
    state: newest(ofState),
    user: newest(ofUser),
    // A viewer has few orders: + keeps SQLite from the index of the state.
    both: newest(ofUser, sql`+${ofState}`),
  };
  const listFor = (state: string | undefined, userId: string | undefined) => {
    if (userId === undefined) return state === undefined ? lists.all : lists.state;
    return state === undefined ? lists.user : lists.both;
  };

  return {
    ticket(ticketId: string): Ticket | undefined {
      const row = ticketById.get({ ticketId });
      return row && (JSON.parse(row.document) as Ticket);
    },
    order(orderId: string): Order | undefined {
      const row = orderById.get({ orderId });
      return row && (JSON.parse(row.document) as Order);
    },
    /** A page of orders as JSON. @throws AppError invalid for a cursor of another list. */
    list({ state, userId, limit, cursor }: OrderFilter): string {
      const scope = JSON.stringify(['technical-support.list', state, userId]);
      const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(decodeCursor(scope, cursor, 1)[0]);
      const rows = listFor(state, userId).all({ state, userId, before, limit: limit + 1 });
      return documentPage(rows, limit, scope, (row) => [row.sequence]);
    },
  };
}
