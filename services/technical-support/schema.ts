/** Tables of the technical-support view. `npm run migrations -- technical-support` turns a change here into SQL. */
import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/**
 * Tickets with their service orders. `facts` is all that was said of one, as JSON; `document` the answer's JSON, made once when
 * the ticket changes. Of one that is not opened yet, as facts of two sites may cross, there are facts only.
 */
export const tickets = sqliteTable(
  'tickets',
  {
    ticketId: text('ticket_id').primaryKey(),
    facts: text('facts').notNull(),
    /** Null while the ticket has no order. */
    orderId: text('order_id'),
    userId: text('user_id'),
    state: text('state'),
    /** Milliseconds since 1970: the order of the list. Null while the ticket has no service order. */
    openedAt: integer('opened_at'),
    document: text('document'),
  },
  (table) => [
    index('tickets_by_order').on(table.orderId, table.openedAt, table.ticketId),
    index('tickets_by_time').on(table.openedAt, table.ticketId),
    index('tickets_by_state').on(table.state, table.openedAt, table.ticketId),
    index('tickets_by_user').on(table.userId, table.openedAt, table.ticketId),
  ],
);
