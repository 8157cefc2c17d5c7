/** The queries of the technical-support view. Lists return the stored JSON documents unchanged. */
import { asc, eq, sql } from 'drizzle-orm';
import type { PageInput } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import { ticketList } from '../tickets/list.ts';
import { ticketReader } from '../tickets/projection.ts';
import type { Order } from './contract.ts';
import { tickets } from './schema.ts';

interface OrderFilter extends PageInput {
  state?: string | undefined;
  userId?: string | undefined;
}

export type OrderQueries = ReturnType<typeof orderQueries>;

/** Prepares the queries of a technical-support view. */
export function orderQueries(db: Database) {
  const { openedAt, ticketId } = tickets;
  // Never null: rows without an order have neither orderId nor openedAt, so no query here selects them.
  const document = sql<string>`${tickets.document}`;
  // An event that was published by hand may reuse an order id. The oldest ticket with the id keeps it.
  const orderById = db
    .select({ document })
    .from(tickets)
    .where(eq(tickets.orderId, sql.placeholder('orderId')))
    .orderBy(asc(openedAt), asc(ticketId))
    .limit(1)
    .prepare();
  const ofState = eq(tickets.state, sql.placeholder('state'));
  const ofUser = eq(tickets.userId, sql.placeholder('userId'));
  const lists = {
    all: ticketList(db, tickets),
    state: ticketList(db, tickets, ofState),
    user: ticketList(db, tickets, ofUser),
    // The unary + stops SQLite from using the index on the state: a viewer has few orders.
    both: ticketList(db, tickets, ofUser, sql`+${ofState}`),
  };
  const listFor = (state: string | undefined, userId: string | undefined) => {
    if (userId === undefined) return state === undefined ? lists.all : lists.state;
    return state === undefined ? lists.user : lists.both;
  };

  return {
    known: ticketReader(db, tickets),
    order(orderId: string): Order | undefined {
      const row = orderById.get({ orderId });
      return row && (JSON.parse(row.document) as Order);
    },
    /** Returns a page of orders as JSON. @throws AppError invalid for a cursor of another list */
    list({ state, userId, ...page }: OrderFilter): string {
      const scope = JSON.stringify(['technical-support.list', state, userId]);
      return listFor(state, userId)(scope, { state, userId }, page);
    },
  };
}
